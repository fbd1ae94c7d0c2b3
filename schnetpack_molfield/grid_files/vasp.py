"""VASP's CHGCAR, CHG, PARCHG, AECCAR and LOCPOT: values on a grid of the cell, first axis fastest.

Densities are multiplied by the volume of the cell in the file. A second grid, of a calculation with
spin, is the difference of the spins; the occupancies of the augmentation charges are skipped.
"""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io.vasp import read_vasp_configuration

from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.grid_files.volume import Volume
from schnetpack_molfield.text_files import read_text

__all__ = ["is_vasp_file", "read"]

_NAMES = ("CHGCAR", "CHG", "PARCHG", "AECCAR", "LOCPOT")


def is_vasp_file(path: Path) -> bool:
    """Whether a file has the name of one of VASP's, such as CHGCAR, CHGCAR_water or x.CHGCAR."""
    parts = path.name.upper().removesuffix(".GZ").replace("-", "_").replace(".", "_").split("_")
    return any(part.rstrip("0123456789") in _NAMES for part in parts)


def read(path: Path) -> Volume:
    """Density in e/Ang^3, or potential of an electron in eV (LOCPOT), of a periodic structure.

    Raises:
        ValueError: if the file isn't one of VASP's, or ends before its values do.
    """
    try:
        text = StringIO(read_text(path))
        atoms = read_vasp_configuration(text)
        rest = text.read().split("\n")
        start = next(k for k, line in enumerate(rest) if line.strip())
        nx, ny, nz = (int(count) for count in rest[start].split())
    except (ValueError, IndexError, KeyError, RuntimeError, StopIteration) as error:
        raise ValueError(f"{path} is no file of VASP's with a grid: {error}") from error
    grid = Grid(np.zeros(3), np.array(atoms.cell) / [[nx], [ny], [nz]], (nx, ny, nz))
    atoms = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    blocks = _blocks(path, rest[start:], grid.shape)
    if "LOCPOT" in path.name.upper():
        names = ["local_potential", "local_potential_of_spin"][: len(blocks)]
        return Volume(grid, np.stack(blocks, -1), names, ["eV"] * len(names), atoms)
    values = np.stack(blocks, axis=-1) / atoms.get_volume()
    names = ["electron_density", "spin_density"][: len(blocks)]
    return Volume(grid, values, names, ["e/Ang^3"] * len(names), atoms)


def _blocks(path: Path, lines: list[str], shape: tuple[int, int, int]) -> list[np.ndarray]:
    """The values (nx, ny, nz) after each line that repeats the shape; at most two."""
    counts = [str(n) for n in shape]
    starts = [k for k, line in enumerate(lines) if line.split() == counts]
    return [_values(path, lines[k + 1 :], shape) for k in starts[:2]]


def _values(path: Path, lines: list[str], shape: tuple[int, int, int]) -> np.ndarray:
    needed = int(np.prod(shape))
    words: list[str] = []
    for line in lines:
        if len(words) >= needed or line.startswith("augmentation"):
            break
        words += line.split()
    if len(words) < needed:
        raise ValueError(
            f"{path} has {len(words)} values of the {needed} of its grid of "
            f"{' x '.join(map(str, shape))}: it is cut off"
        )
    try:
        return np.array(words[:needed], dtype=float).reshape(shape, order="F")
    except ValueError as error:
        raise ValueError(f"{path} has a value that is no number: {error}") from error
