"""Gaussian cube files, by ASE's reader and writer."""

from __future__ import annotations

from pathlib import Path

import ase.io.cube
import numpy as np
from ase import Atoms

from schnetpack_molfield.fields.grid import Grid


def write_cube(
    path: str | Path, atoms: Atoms, grid: Grid, values: np.ndarray, comment: str = ""
) -> None:
    """Write values on a grid.

    Args:
        path: file to write; one that exists is overwritten.
        atoms: the molecule.
        grid: where the values are.
        values: (nx, ny, nz).
        comment: first line of the file.
    """
    boxed = atoms.copy()
    boxed.set_cell(grid.steps * np.array(grid.shape)[:, None])  # what ASE divides by the shape
    with Path(path).open("w") as file:
        ase.io.cube.write_cube(file, boxed, values, origin=grid.origin, comment=comment or "field")


def read_cube(path: str | Path) -> tuple[Atoms, Grid, np.ndarray]:
    """Molecule, grid and values (nx, ny, nz) of a cube file; lengths in Angstrom.

    Raises:
        ValueError: if the file is not a whole cube file.
    """
    try:
        with Path(path).open() as file:
            content = ase.io.cube.read_cube(file)
    except (ValueError, IndexError, StopIteration) as error:
        raise ValueError(f"{path} is not a complete cube file: {error}") from error
    values = content["data"]
    atoms = Atoms(content["atoms"].numbers, content["atoms"].positions)
    nx, ny, nz = values.shape
    return atoms, Grid(content["origin"], content["spacing"], (nx, ny, nz)), values
