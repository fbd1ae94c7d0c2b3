"""Electron densities on regular grids to train on."""

from typing import Any

from schnetpack_molfield.datasets.checked import OwnData
from schnetpack_molfield.datasets.readers.density_archives import LABELS

__all__ = ["ElectronDensities"]


class ElectronDensities(OwnData):
    """A database of densities on grids, as `molfield import` writes it from an archive.

    Args:
        kwargs: the arguments of `schnetpack.data.AtomsDataModule`.
    """

    hint = (
        "`molfield import DENSITIES.npz --out FILE.db` makes one from an archive of densities on "
        "grids"
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(load_properties=[label.name for label in LABELS], **kwargs)
