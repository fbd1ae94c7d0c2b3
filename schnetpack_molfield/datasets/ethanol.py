"""Frames of ethanol with energies, forces and electron densities, for a first training run."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from schnetpack_molfield import properties as keys
from schnetpack_molfield.datasets.checked import AtomsDatabase
from schnetpack_molfield.datasets.database import write_database
from schnetpack_molfield.datasets.frames import Frame, FrameSource
from schnetpack_molfield.datasets.labels import Label
from schnetpack_molfield.datasets.sources import read_archive

__all__ = ["EthanolSample"]

_FRAMES = Path(__file__).with_name("ethanol_sample.npz")
_DENSITIES = Path(__file__).with_name("ethanol_density_sample.npz")
_LABELS = (
    Label("points_A", keys.points, "Ang"),
    Label("rho_e_A3", keys.electron_density, "e/Ang^3"),
)


class EthanolSample(AtomsDatabase):
    """300 frames of ethanol that ship with this package, for a first training run.

    Energies and forces, PBE/def2-SVP, are those of rMD17's geometries in BOTNet-datasets; electron
    densities of the same level, at 64 points around each frame, were calculated for this package
    (datasets/SAMPLES.md). `transform.GivenPoints` makes points of a sample of them.

    Args:
        kwargs: the arguments of `AtomsDatabase`; the database is written to `datapath` at first.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.load_properties += [label.name for label in _LABELS]

    def _download(self, path: Path) -> None:
        write_database(path, [_with_densities(read_archive(_FRAMES))])


def _with_densities(source: FrameSource) -> FrameSource:
    """The same frames, and the densities around them."""

    def read() -> Iterator[Frame]:
        with np.load(_DENSITIES) as arrays:
            values = [arrays[label.key].astype(float) for label in _LABELS]
        for frame, points, density in zip(source.read(), *values, strict=True):
            found = {keys.points: points[None], keys.electron_density: density[None]}
            yield Frame(frame.atoms, frame.properties | found)  # (1, n_points, 3), (1, n_points)

    return replace(source, labels=[*source.labels, *_LABELS], read=read)
