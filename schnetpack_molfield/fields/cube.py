"""Gaussian cube files, by ASE's writer; `schnetpack_molfield.grid_files` reads them."""

from __future__ import annotations

from pathlib import Path

import ase.io.cube
import numpy as np
from ase import Atoms

from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.new_files import replace_when_complete

__all__ = ["write_cube"]


def write_cube(
    path: str | Path, atoms: Atoms, grid: Grid, values: np.ndarray, comment: str = ""
) -> None:
    """Write values on a grid as they are.

    Args:
        path: file to write; one that exists is overwritten.
        atoms: the molecule.
        grid: where the values are.
        values: (nx, ny, nz).
        comment: first line of the file.
    """
    boxed = atoms.copy()
    boxed.set_cell(grid.steps * np.array(grid.shape)[:, None])  # what ASE divides by the shape
    with replace_when_complete(Path(path)) as partial, partial.open("w") as file:
        ase.io.cube.write_cube(file, boxed, values, origin=grid.origin, comment=comment or "field")
