"""Structures on their way from a file into a database: as a reader sees them, and labelled."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from schnetpack_molfield.datasets.elements import no_element
from schnetpack_molfield.datasets.labels import Label

__all__ = [
    "Frame",
    "FrameSource",
    "RawFrame",
    "RawSource",
    "References",
    "Value",
    "by_atomic_number",
    "check_frame",
    "missing_labels",
]

#: Single-atom values of a property by atomic number.
References = Mapping[int, float]


class Value(NamedTuple):
    """What a file has under a key for one frame; `per_atom` is None where it doesn't tell."""

    data: np.ndarray
    per_atom: bool | None = None


class RawFrame(NamedTuple):
    """One structure with everything numeric that its file has for it, by the file's keys."""

    atoms: Atoms
    values: dict[str, Value]


@dataclass(frozen=True)
class RawSource:
    """A file as its reader understands it; nothing is chosen yet.

    Attributes:
        path: the file, for messages.
        read: starts a new pass over the frames.
        label_of: what a key means in this format.
        count: number of frames, where the file says so beforehand.
        references: single-atom values in the file's own unit, by the key of their label.
        split: partition of every frame (0 is training), where the file has one.
        metadata: what else the database is to keep.
        length_unit: of positions and cell; None where the format doesn't fix it.
        unit_words: texts of the file about units, by their key.
    """

    path: Path
    read: Callable[[], Iterator[RawFrame]]
    label_of: Callable[[str], Label]
    count: int | None = None
    references: Mapping[str, References] = field(default_factory=dict)
    split: np.ndarray | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    length_unit: str | None = None
    unit_words: Mapping[str, str] = field(default_factory=dict)


class Frame(NamedTuple):
    """One structure with its labels, by the names of the database.

    Per-system labels have shape (1, ...), per-atom labels (n_atoms, ...). A label that the file
    doesn't have for this frame isn't there, or is NaN.
    """

    atoms: Atoms
    properties: dict[str, np.ndarray]


@dataclass(frozen=True)
class FrameSource:
    """A file of frames with the labels that were chosen.

    Attributes:
        path: the file, for messages.
        labels: what the frames carry; a name may be there under several keys.
        read: starts a new pass over the frames.
        count: number of frames, where it is known beforehand.
        references: single-atom values of labels, in their units.
        split: partition of every frame (0 is training), where the file has one.
        metadata: what else the database is to keep.
        left_out: keys of the file that may be labels and aren't imported.
        scale_is_stated: whether the unit of lengths is beyond doubt.
    """

    path: Path
    labels: Sequence[Label]
    read: Callable[[], Iterator[Frame]]
    count: int | None = None
    references: Mapping[str, References] = field(default_factory=dict)
    split: np.ndarray | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    scale_is_stated: bool = False

    @property
    def units(self) -> dict[str, str]:
        """Unit of every label, by its name in the database."""
        return {label.name: str(label.unit) for label in self.labels}

    @property
    def atomrefs(self) -> dict[str, list[float]]:
        """The references as SchNetPack keeps them, lists indexed by atomic number."""
        return {name: by_atomic_number(table) for name, table in self.references.items()}


def by_atomic_number(table: References) -> list[float]:
    """Values indexed by atomic number, zero where there is none."""
    values = np.zeros(max(100, *(number + 1 for number in table)))
    values[list(table)] = list(table.values())
    return values.tolist()


def missing_labels(frame: Frame, names: Iterable[str]) -> list[str]:
    """Those of the labels that the frame doesn't have, or that are NaN for 'not available'."""
    return [
        name
        for name in names
        if name not in frame.properties or np.isnan(frame.properties[name]).any()
    ]


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
    _check_elements(atoms)
    if atoms.pbc.any() and not _spans_space(atoms):
        raise ValueError("it is periodic but its cell has no volume")
    for name, value in properties.items():
        if not np.isfinite(value).all():
            raise ValueError(f"{name!r} is {value[~np.isfinite(value)][0]}")
        if value.shape[0] not in (1, len(atoms)):
            raise ValueError(
                f"{name!r} has shape {value.shape}, expected one row, "
                f"or one for each of the {len(atoms)} atoms"
            )


def _spans_space(atoms: Atoms) -> bool:
    """Whether the cell has a volume; a slab or wire may lack vectors where it isn't periodic."""
    lacking = ~np.any(atoms.cell, axis=1)  # (3,)
    return not (lacking & atoms.pbc).any() and bool(np.linalg.det(atoms.cell.complete()))


def _check_elements(atoms: Atoms) -> None:
    unknown = (atoms.numbers < 1) | (atoms.numbers >= len(chemical_symbols))  # (n_atoms,)
    if not unknown.any():
        return
    atom = int(np.flatnonzero(unknown)[0])
    if atoms.numbers[atom] == 0:
        raise ValueError(f"atom {atom} has no element (atomic number 0): {no_element('X')}")
    raise ValueError(f"atom {atom} has no element (atomic number {atoms.numbers[atom]})")
