"""Electron densities on regular grids to train on."""

from pathlib import Path
from typing import Any

from schnetpack_molfield.datasets.checked import OwnData
from schnetpack_molfield.datasets.database import write_database
from schnetpack_molfield.datasets.readers.density_archives import LABELS
from schnetpack_molfield.datasets.sources import read_archive

__all__ = ["ElectronDensities"]

_SAMPLE = Path(__file__).with_name("density_sample.npz")


class ElectronDensities(OwnData):
    """A database of densities on grids, as `molfield import` writes it from cubes or an archive.

    Without a database of one's own it is a sample that ships with this package: small molecules
    of QM9 on grids of 0.5 Angstrom (datasets/SAMPLES.md).

    Args:
        datapath: the database; None takes the sample.
        sample_path: where the database of the sample is, or is to be written.
        kwargs: the other arguments of `schnetpack.data.AtomsDataModule`.
    """

    hint = (
        "`molfield import *.cube --out FILE.db` makes one from cube files, and so it does from an "
        "archive of densities on grids"
    )

    def __init__(
        self,
        *,
        datapath: str | None = None,
        sample_path: str = "molfield_density_sample.db",
        **kwargs: Any,
    ) -> None:
        self.of_sample = datapath is None
        super().__init__(
            datapath=sample_path if datapath is None else datapath,
            load_properties=[label.name for label in LABELS],
            **kwargs,
        )

    def _download(self, path: Path) -> None:
        if not self.of_sample:
            super()._download(path)
        write_database(path, [read_archive(_SAMPLE)])
