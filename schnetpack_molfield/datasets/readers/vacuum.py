"""Molecules in a periodic box with vacuum around them, as molecules."""

import numpy as np
from ase import Atoms
from ase.neighborlist import natural_cutoffs, neighbor_list

from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.grid_files import Volume

__all__ = ["in_the_middle"]

#: Angstrom of vacuum between a molecule and its images.
_VACUUM = 4.0


def in_the_middle(volume: Volume, values: np.ndarray) -> tuple[Volume, np.ndarray]:
    """A molecule made whole, without images, and values (nx, ny, nz) that begin half a cell off.

    Args:
        volume: a grid that fills the cell of its atoms.
        values: (nx, ny, nz) on it.

    Raises:
        ValueError: if it isn't periodic in all directions, the grid doesn't fill the cell, or atoms
            are too near to images of others.
    """
    atoms, grid = volume.atoms, volume.grid
    shape = np.array(grid.shape)
    if np.abs(grid.steps * shape[:, None] - atoms.cell).max() > 1e-3:
        raise ValueError(
            f"its voxels don't fill its cell: {shape.tolist()} steps of the grid are "
            f"{(grid.steps * shape[:, None]).round(3).tolist()}, the cell is "
            f"{np.array(atoms.cell).round(3).tolist()}"
        )
    whole = _whole(atoms)
    _check_vacuum(whole)
    middle = (whole.positions.mean(axis=0) - grid.origin) @ np.linalg.inv(grid.steps)
    first = np.round(middle - shape / 2).astype(int)  # index of the first point
    rolled = np.roll(values, -first, axis=(0, 1, 2))
    moved = Grid(grid.origin + first @ grid.steps, grid.steps, grid.shape)
    molecule = Atoms(whole.numbers, whole.positions)
    return Volume.of_one(moved, rolled, atoms=molecule), rolled


def _whole(atoms: Atoms) -> Atoms:
    """The same atoms, each next to those it is bound to, and fragments next to the first one."""
    whole = atoms.copy()
    pairs = neighbor_list("ijS", atoms, natural_cutoffs(atoms, mult=1.2))
    placed, waiting = np.zeros(len(atoms), dtype=bool), []
    for start in range(len(atoms)):
        if placed[start]:
            continue
        if start:
            shift = np.round(
                atoms.cell.scaled_positions(whole.positions[:1] - atoms[start].position)
            )
            whole.positions[start] += (shift @ atoms.cell)[0]
        placed[start], waiting = True, [start]
        while waiting:
            _place_neighbors(waiting.pop(), atoms, whole, placed, waiting, pairs)
    return whole


def _place_neighbors(
    atom: int,
    atoms: Atoms,
    whole: Atoms,
    placed: np.ndarray,
    waiting: list[int],
    pairs: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Move the neighbours of an atom that haven't been placed to it, and let them wait."""
    first, second, shifts = pairs
    for k in np.flatnonzero((first == atom) & ~placed[second]):
        j = second[k]
        if not placed[j]:
            apart = atoms.positions[j] + shifts[k] @ atoms.cell - atoms.positions[atom]
            whole.positions[j] = whole.positions[atom] + apart
            placed[j] = True
            waiting.append(int(j))


def _check_vacuum(whole: Atoms) -> None:
    """Raise ValueError if atoms are too near to images of others."""
    if not whole.pbc.all():
        raise ValueError("it is periodic in some directions only: expected a molecule in a box")
    shifts = neighbor_list("S", whole, _VACUUM)  # (n_pairs, 3)
    if shifts.any():
        raise ValueError(
            f"its atoms are less than {_VACUUM:g} Angstrom from periodic images (in a cell of "
            f"{whole.cell.lengths().round(2).tolist()}): densities of crystals and liquids can't "
            "be trained on, only those of molecules with vacuum around them"
        )
