"""Vectors between atoms in periodic boxes, for many frames of the same atoms at once."""

from functools import lru_cache

import numpy as np
from ase import Atoms
from ase.cell import Cell
from ase.geometry import minkowski_reduce

__all__ = ["full_cell", "nearest_image"]


def nearest_image(vectors: np.ndarray, atoms: Atoms) -> np.ndarray:
    """The shortest of all periodic images of vectors (..., 3), in Angstrom.

    Exact for vectors that are short against the box.
    """
    if not atoms.pbc.any():
        return vectors
    cell = full_cell(atoms)
    shifts = np.round(vectors @ np.linalg.inv(cell)) * atoms.pbc
    return vectors - shifts @ cell


def full_cell(atoms: Atoms) -> np.ndarray:
    """Cell vectors (3, 3) as short as they can be, those that are missing filled in."""
    return _reduced(atoms.cell.array.tobytes(), tuple(bool(p) for p in atoms.pbc))


@lru_cache(maxsize=4096)
def _reduced(content: bytes, pbc: tuple[bool, ...]) -> np.ndarray:
    cell = Cell(np.frombuffer(content).reshape(3, 3)).complete()
    return np.asarray(minkowski_reduce(cell, pbc)[0])
