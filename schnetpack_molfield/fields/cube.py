"""Gaussian cube files, by ASE's reader and writer."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import ase.io.cube
import numpy as np
from ase import Atoms
from ase.units import Bohr

from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.fields.units import cube_unit
from schnetpack_molfield.new_files import replace_when_complete

if TYPE_CHECKING:
    from schnetpack_molfield.fields.around_atoms import FieldAroundAtoms

__all__ = ["read_cube", "write_cube", "write_field"]


def write_field(
    path: str | Path,
    field: FieldAroundAtoms,
    grid: Grid,
    channel: str | None = None,
    units: str | None = None,
) -> None:
    """Write a channel of a field in the unit that is customary in cube files.

    Args:
        path: file to write; one that exists is overwritten.
        field: the field.
        grid: where to ask it; best one `as_written_in_cube`.
        channel: name of the channel; may be left out if there is only one.
        units: another unit.

    Raises:
        ValueError: if the channel's unit can't be converted to `units`.
    """
    column = field.index(channel)
    name = field.channels[column]
    converted = field.in_units(units or cube_unit(field.units[name]), name)
    values = converted(grid.points)[:, column].view(grid.shape)  # (nx, ny, nz)
    write_cube(path, field.atoms, grid, values.numpy(force=True), converted.label(name))


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


def read_cube(path: str | Path) -> tuple[Atoms, Grid, np.ndarray]:
    """Molecule, grid and values (nx, ny, nz) of a cube file; lengths in Angstrom.

    Lengths are in bohr in the file, or in Angstrom where its first number of points is negative.
    Values are those of the file, in the unit that its comment line may name.

    Raises:
        ValueError: if the file is not a whole cube file.
    """
    try:
        text, length = _in_bohr(Path(path).read_text())
        content = ase.io.cube.read_cube(StringIO(text))
    except (ValueError, IndexError, StopIteration) as error:
        raise ValueError(f"{path} is not a complete cube file: {error}") from error
    values = content["data"]
    atoms = Atoms(content["atoms"].numbers, content["atoms"].positions * length)
    nx, ny, nz = values.shape
    grid = Grid(content["origin"] * length, content["spacing"] * length, (nx, ny, nz))
    return atoms, grid, values


def _in_bohr(text: str) -> tuple[str, float]:
    """A cube file with positive numbers of points, as ASE reads it, and what to scale lengths by.

    Raises:
        IndexError: if the file ends before its grid.
    """
    lines = text.split("\n")
    counts = [lines[k].split()[0] for k in (3, 4, 5)]
    for k, count in zip((3, 4, 5), counts, strict=True):
        lines[k] = lines[k].replace(count, count.lstrip("-"), 1)
    return "\n".join(lines), 1 / Bohr if counts[0].startswith("-") else 1.0
