"""A set of labelled structures on its way from a file into a database, and its checks."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from schnetpack_molfield.datasets.labels import Label

__all__ = ["Frame", "FrameSource", "check_frame", "missing_labels"]


class Frame(NamedTuple):
    """One structure with its labels, by the names of the database.

    Per-system labels have shape (1, ...), per-atom labels (n_atoms, ...).
    """

    atoms: Atoms
    properties: dict[str, np.ndarray]


@dataclass(frozen=True)
class FrameSource:
    """A file of frames, opened but not read.

    Attributes:
        path: the file, for messages.
        labels: what every frame carries.
        read: starts a new pass over the frames.
        count: number of frames, where the file says so beforehand.
        atomrefs: single-atom references by property, indexed by atomic number.
        split: partition of every frame (0 is training), where the file has one.
    """

    path: Path
    labels: list[Label]
    read: Callable[[], Iterator[Frame]]
    count: int | None = None
    atomrefs: Mapping[str, list[float]] = field(default_factory=dict)
    split: np.ndarray | None = None

    @property
    def units(self) -> dict[str, str]:
        """Unit of every property."""
        return {label.name: label.unit for label in self.labels}

    def renamed(self, names: Mapping[str, str]) -> "FrameSource":
        """The same frames with some properties under new names."""

        def rename(items: Mapping) -> dict:
            return {names.get(name, name): value for name, value in items.items()}

        def read() -> Iterator[Frame]:
            for atoms, properties in self.read():
                yield Frame(atoms, rename(properties))

        labels = [label._replace(name=names.get(label.name, label.name)) for label in self.labels]
        return replace(self, labels=labels, read=read, atomrefs=rename(self.atomrefs))


def missing_labels(frame: Frame) -> list[str]:
    """Names of the labels that are NaN, which stands for 'not available'."""
    return [name for name, value in frame.properties.items() if np.isnan(value).any()]


def check_frame(frame: Frame) -> None:
    """Refuse a frame that can't be trained on.

    Raises:
        ValueError: for no atoms, positions or labels that aren't finite, an element that doesn't
            exist, or a per-atom label of the wrong length.
    """
    atoms, properties = frame
    if len(atoms) == 0:
        raise ValueError("it has no atoms")
    if not np.isfinite(atoms.positions).all():
        atom = int(np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))[0])
        raise ValueError(f"the position of atom {atom} is {atoms.positions[atom].tolist()}")
    unknown = (atoms.numbers < 1) | (atoms.numbers >= len(chemical_symbols))
    if unknown.any():
        atom = int(np.flatnonzero(unknown)[0])
        raise ValueError(f"atom {atom} has no element (atomic number {atoms.numbers[atom]})")
    if atoms.pbc.any() and not np.linalg.det(atoms.cell):
        raise ValueError("it is periodic but its cell has no volume")
    for name, value in properties.items():
        if not np.isfinite(value).all():
            raise ValueError(f"{name!r} is {value[~np.isfinite(value)][0]}")
        if value.shape[0] not in (1, len(atoms)):
            raise ValueError(
                f"{name!r} has shape {value.shape}, expected one row, "
                f"or one for each of the {len(atoms)} atoms"
            )
