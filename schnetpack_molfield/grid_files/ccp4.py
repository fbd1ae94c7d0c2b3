"""CCP4 and MRC maps by gemmi: float32, no atoms, a grid that begins at whole steps of its cell."""

from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np

from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.grid_files.volume import Volume, stated_unit
from schnetpack_molfield.new_files import replace_when_complete

__all__ = ["nearest", "read", "write"]

#: Words of the header, counted from 1: first index along every axis, origin in Angstrom, and text.
_START, _ORIGIN, _TEXT = (5, 6, 7), (50, 51, 52), 57


def read(path: Path) -> Volume:
    """The part of the cell that a map covers, its axes brought into the order a, b, c.

    Raises:
        ValueError: if it isn't a map, or ends before its values do.
    """
    try:
        ccp4 = gemmi.read_ccp4_map(str(path))
        order = [ccp4.header_i32(k) - 1 for k in (17, 18, 19)]  # axis of columns, rows, sections
        start = np.empty(3)
        start[order] = [ccp4.header_i32(k) for k in _START]
        sampling = [ccp4.header_i32(k) for k in (8, 9, 10)]
        origin = np.array([ccp4.header_float(k) for k in _ORIGIN])
        comment = ccp4.header_str(_TEXT, 80).strip()
        cell = np.array(ccp4.grid.unit_cell.orth.mat.tolist()).T  # rows a, b, c
        values = np.array(ccp4.grid).transpose(np.argsort(order)).astype(float)
    except (RuntimeError, ValueError, IndexError, OSError) as error:
        raise ValueError(f"{path} is no whole CCP4 or MRC map: {error}") from error
    if min(sampling) < 1:
        raise ValueError(f"{path} divides its cell into {sampling} steps")
    steps = cell / np.array(sampling)[:, None]
    nx, ny, nz = values.shape
    name, unit = stated_unit(comment)
    return Volume.of_one(Grid(start @ steps + origin, steps, (nx, ny, nz)), values, name, unit)


def write(path: Path, volume: Volume) -> None:
    """Write one quantity in its own unit on a grid that is `nearest` to some grid.

    Raises:
        ValueError: if the grid is turned, or doesn't begin at whole steps.
    """
    grid, start = volume.grid, _start(volume.grid)
    if np.abs(grid.steps - np.diag(np.diag(grid.steps))).max() > 1e-6:
        raise ValueError("a CCP4 map is written along x, y and z only; this grid is turned")
    values = gemmi.FloatGrid(volume.only().astype(np.float32))
    a, b, c = (float(x) for x in np.diag(grid.steps) * grid.shape)
    values.set_unit_cell(gemmi.UnitCell(a, b, c, 90, 90, 90))
    values.spacegroup = gemmi.SpaceGroup("P 1")
    ccp4 = gemmi.Ccp4Map()
    ccp4.grid = values
    ccp4.update_ccp4_header(2, True)
    for word, index in zip(_START, start, strict=True):
        ccp4.set_header_i32(word, int(index))
    ccp4.set_header_str(_TEXT, volume.titles()[0][:80].ljust(80))
    ccp4.set_header_i32(56, 1)
    with replace_when_complete(path) as partial:
        ccp4.write_ccp4_map(str(partial))


def nearest(grid: Grid) -> Grid:
    """The nearest grid that a map holds: the origin at whole steps, the cell in float32."""
    edges = np.float32(np.diag(grid.steps) * grid.shape).astype(float)
    steps = np.diag(edges / grid.shape)
    return Grid(np.round(grid.origin / np.diag(steps)) @ steps, steps, grid.shape)


def _start(grid: Grid) -> np.ndarray:
    """Index (3,) of the first point along every axis.

    Raises:
        ValueError: if it isn't whole.
    """
    exact = grid.origin @ np.linalg.inv(grid.steps)
    if np.abs(exact - np.round(exact)).max() > 1e-3:
        raise ValueError("a CCP4 map begins at whole steps from the origin; this grid doesn't")
    return np.round(exact)
