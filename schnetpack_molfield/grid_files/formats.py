"""Which format a file of values on a grid has, by its name.

To add one write a module with `read(path) -> Volume` and, if it can, `write(path, volume)`, and
register it below; the table is in docs/grid_files.md.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from schnetpack_molfield.checks import check_choice
from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.grid_files import arrays, ccp4, cubes, opendx, vasp, vti, xsf
from schnetpack_molfield.grid_files.endings import CUBES, MAPS
from schnetpack_molfield.grid_files.volume import Volume
from schnetpack_molfield.text_files import structure_suffix

__all__ = ["is_grid_file", "nearest_grid", "read_volume", "write_volume"]

_READ: dict[str, Callable[[Path], Volume]] = {
    **dict.fromkeys(CUBES, cubes.read),
    ".dx": opendx.read,
    **dict.fromkeys(MAPS, ccp4.read),
    ".xsf": xsf.read,
    ".vti": vti.read,
    ".npz": arrays.read,
}

_WRITE: dict[str, Callable[[Path, Volume], None]] = {
    **dict.fromkeys(CUBES, cubes.write),
    ".dx": opendx.write,
    **dict.fromkeys(MAPS, ccp4.write),
    ".vti": vti.write,
    ".npz": arrays.write,
}

#: The nearest grid that a format holds exactly, where it doesn't hold every grid.
_NEAREST: dict[str, Callable[[Grid], Grid]] = {
    **dict.fromkeys(CUBES, Grid.as_written_in_cube),
    **dict.fromkeys(MAPS, ccp4.nearest),
}


def is_grid_file(path: Path) -> bool:
    """Whether a file holds values on a grid, by its name, and an archive by its keys."""
    suffix = structure_suffix(path)
    if suffix == ".npz":
        return arrays.is_grid_archive(path)
    return suffix in _READ or vasp.is_vasp_file(path)


def read_volume(path: str | Path) -> Volume:
    """Read values on a grid and the atoms, where the format has some.

    Args:
        path: the file; text and maps may be compressed by gzip.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if its format isn't known, or it is broken or cut off.
    """
    path, suffix = Path(path), structure_suffix(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} isn't a file")
    if suffix not in _READ and vasp.is_vasp_file(path):
        return vasp.read(path)
    check_choice("ending of a grid file", suffix, list(_READ))
    return _READ[suffix](path)


def write_volume(path: str | Path, volume: Volume) -> None:
    """Write values on a grid in the format of the file's ending, one of `endings.WRITTEN`.

    Raises:
        ValueError: if the format can't hold it: several quantities, or a turned grid.
    """
    path = Path(path)
    check_choice("ending of a grid file", path.suffix.lower(), list(_WRITE))
    _WRITE[path.suffix.lower()](path, volume)


def nearest_grid(path: str | Path, grid: Grid) -> Grid:
    """The grid nearest to `grid` that a file of this name holds to the last digit."""
    suffix = Path(path).suffix.lower()
    return _NEAREST[suffix](grid) if suffix in _NEAREST else grid
