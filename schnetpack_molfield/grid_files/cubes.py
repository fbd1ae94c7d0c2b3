"""Gaussian cube files in all their dialects, by ASE's reader and writer.

Numbers of points are negative where lengths are in Angstrom. The number of atoms is negative where
a line with the number of orbitals and their indices follows; their values are interleaved.
"""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import ase.io.cube
import numpy as np
from ase import Atoms
from ase.units import Bohr

from schnetpack_molfield.fields.cube import write_cube
from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.grid_files.volume import Volume, stated_unit
from schnetpack_molfield.text_files import read_text

__all__ = ["read", "write"]

#: Numbers that Fortran writes with a D, or without any letter, before the exponent.
_FORTRAN = re.compile(r"(\d\.?\d*)[dD]([+-]\d+)|(\d\.\d*)([+-]\d{3})\b")


def read(path: Path) -> Volume:
    """Molecule and values of a cube file; unit "" where its first line names none.

    Raises:
        ValueError: if the file is not a whole cube file.
    """
    try:
        text, length, n_values = _as_ase_reads(read_text(path))
        content = ase.io.cube.read_cube(StringIO(text))
    except (ValueError, IndexError, StopIteration) as error:
        raise ValueError(f"{path} is not a complete cube file: {error}") from error
    atoms = Atoms(content["atoms"].numbers, content["atoms"].positions * length)
    values = np.moveaxis(content["datas"], 0, -1)  # (nx, ny, nz, n_values)
    nx, ny, nz = values.shape[:3]
    grid = Grid(content["origin"] * length, content["spacing"] * length, (nx, ny, nz))
    name, unit = stated_unit(text.split("\n", 1)[0])
    labels = content["labels"] if len(content["labels"]) == n_values else range(n_values)
    names = [name] if n_values == 1 else [f"{name} {label}".strip() for label in labels]
    return Volume(grid, values, names, [unit] * n_values, atoms)


def write(path: Path, volume: Volume) -> None:
    """Write one quantity, whose unit the first line names."""
    write_cube(path, volume.atoms, volume.grid, volume.only(), volume.titles()[0])


def _as_ase_reads(text: str) -> tuple[str, float, int]:
    """A cube file with positive numbers of points and the number of values per point stated.

    Returns:
        The text, what to scale lengths by, and the number of values per point.

    Raises:
        IndexError: if the file ends before its grid.
        ValueError: if a number can't be read.
    """
    lines = _FORTRAN.sub(r"\1\3E\2\4", text).split("\n")
    head, counts = lines[2].split(), [lines[k].split()[0] for k in (3, 4, 5)]
    for k, count in zip((3, 4, 5), counts, strict=True):
        lines[k] = lines[k].replace(count, count.lstrip("-"), 1)
    n_atoms, n_values = int(head[0]), int(head[4]) if len(head) > 4 else 1
    if n_atoms < 0:
        n_values = max(n_values, int(lines[6 - n_atoms].split()[0]))
    lines[2] = " ".join([*head[:4], str(n_values)])
    return "\n".join(lines), 1 / Bohr if counts[0].startswith("-") else 1.0, n_values
