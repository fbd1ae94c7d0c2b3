"""How an archive lays its frames out: one composition, all atoms in a row, or padded by zeros."""

from typing import Protocol

import numpy as np

from schnetpack_molfield.datasets.catalogue import Property
from schnetpack_molfield.datasets.frames import Value

__all__ = ["Layout", "OneComposition", "Padded", "Ragged", "layout_of"]


class Layout(Protocol):
    """Where the atoms and labels of a frame are."""

    count: int

    def atoms(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """Atomic numbers (n_atoms,) and positions (n_atoms, 3) of a frame."""

    def fits(self, array: np.ndarray) -> bool:
        """Whether an array has something for every frame."""

    def value(self, array: np.ndarray, row: Property | None, frame: int) -> Value:
        """What an array has for a frame; `row` is what is known about the property."""


class OneComposition:
    """`Z` (n_atoms,), `R` (n_frames, n_atoms, 3)."""

    def __init__(self, numbers: np.ndarray, positions: np.ndarray) -> None:
        if numbers.ndim == 1 and positions.shape == (len(numbers), 3):
            positions = positions[None]  # a single frame
        if numbers.ndim != 1 or positions.shape[1:] != (len(numbers), 3):
            raise ValueError(
                f"Z has shape {numbers.shape} and R {positions.shape}, "
                "expected (n_atoms,) and (n_frames, n_atoms, 3)"
            )
        self.numbers, self.positions, self.count = numbers, positions, len(positions)

    def atoms(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Layout`."""
        return self.numbers, self.positions[frame]

    def fits(self, array: np.ndarray) -> bool:
        """See `Layout`."""
        return array.ndim > 0 and len(array) == self.count

    def value(self, array: np.ndarray, row: Property | None, frame: int) -> Value:
        """See `Layout`."""
        return Value(array[frame], _has_rows(array[frame], len(self.numbers)))


class Ragged:
    """`Z` (n_all_atoms,), `R` (n_all_atoms, 3), `n_atoms` (n_molecules,)."""

    def __init__(self, numbers: np.ndarray, positions: np.ndarray, n_atoms: np.ndarray) -> None:
        self.offsets = np.concatenate([[0], np.cumsum(n_atoms, dtype=int)])  # (n_molecules + 1,)
        self.count, self.n_all = len(n_atoms), int(self.offsets[-1])
        if positions.shape != (self.n_all, 3) or numbers.shape != (self.n_all,):
            raise ValueError(
                f"n_atoms adds up to {self.n_all} atoms, "
                f"but Z has shape {numbers.shape} and R {positions.shape}"
            )
        self.numbers, self.positions = numbers, positions

    def rows(self, frame: int) -> slice:
        """Where the atoms of a molecule are among all atoms."""
        return slice(self.offsets[frame], self.offsets[frame + 1])

    def atoms(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Layout`."""
        return self.numbers[self.rows(frame)], self.positions[self.rows(frame)]

    def fits(self, array: np.ndarray) -> bool:
        """See `Layout`."""
        return array.ndim > 0 and len(array) in (self.count, self.n_all)

    def value(self, array: np.ndarray, row: Property | None, frame: int) -> Value:
        """See `Layout`; where all molecules are single atoms, the property decides."""
        of_atoms = len(array) == self.n_all and (len(array) != self.count or row is None)
        if of_atoms or (row is not None and row.per_atom and len(array) == self.n_all):
            return Value(array[self.rows(frame)], True)
        return Value(array[frame], False)


class Padded:
    """`Z` (n_molecules, n_max) with zeros behind the atoms, `R` (n_molecules, n_max, 3)."""

    def __init__(self, numbers: np.ndarray, positions: np.ndarray, n_atoms: np.ndarray) -> None:
        if positions.shape != (*numbers.shape, 3) or n_atoms.shape != numbers.shape[:1]:
            raise ValueError(
                f"Z has shape {numbers.shape}, R {positions.shape} and n_atoms {n_atoms.shape}, "
                "expected (n_molecules, n_max), (n_molecules, n_max, 3) and (n_molecules,)"
            )
        inside = np.arange(numbers.shape[1]) < n_atoms[:, None]  # (n_molecules, n_max)
        if ((numbers != 0) != inside).any():
            frame = int(np.flatnonzero(((numbers != 0) != inside).any(axis=1))[0])
            raise ValueError(
                f"molecule {frame} has {n_atoms[frame]} atoms, but the atomic numbers "
                f"{numbers[frame].tolist()}; zeros belong behind the atoms"
            )
        self.numbers, self.positions, self.n_atoms = numbers, positions, n_atoms
        self.count, self.n_max = numbers.shape

    def atoms(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Layout`."""
        n = self.n_atoms[frame]
        return self.numbers[frame, :n], self.positions[frame, :n]

    def fits(self, array: np.ndarray) -> bool:
        """See `Layout`."""
        return array.ndim > 0 and len(array) == self.count

    def value(self, array: np.ndarray, row: Property | None, frame: int) -> Value:
        """See `Layout`."""
        data = array[frame]
        per_atom = _has_rows(data, self.n_max) if row is None else row.per_atom
        if per_atom and data.ndim and len(data) == self.n_max:
            data = data[: self.n_atoms[frame]]
        return Value(data, per_atom)


def _has_rows(value: np.ndarray, n_atoms: int) -> bool | None:
    """Whether a value has a row for each atom; None if it may be a tensor of the molecule, too."""
    if value.ndim == 0 or len(value) != n_atoms:
        return False
    return None if value.shape in ((3,), (6,), (9,), (3, 3)) else True


def layout_of(numbers: np.ndarray, positions: np.ndarray, n_atoms: np.ndarray | None) -> Layout:
    """The layout of an archive, by its shapes.

    Raises:
        ValueError: if the shapes don't fit together.
    """
    if numbers.ndim == 2:
        n_atoms = (numbers != 0).sum(axis=1) if n_atoms is None else n_atoms.astype(int)
        return Padded(numbers, positions, n_atoms)
    if n_atoms is not None and n_atoms.ndim == 1:
        return Ragged(numbers, positions, n_atoms)
    return OneComposition(numbers, positions)
