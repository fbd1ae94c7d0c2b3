"""XCrySDen's XSF by ASE: first axis fastest; a periodic grid ends with its first points again."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io.xsf import read_xsf

from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.grid_files.volume import Volume
from schnetpack_molfield.text_files import read_text

__all__ = ["read"]


def read(path: Path) -> Volume:
    """The first grid of a file, without a unit.

    Raises:
        ValueError: if there is none, it is cut off, or doesn't fit the cell.
    """
    try:
        values, origin, spans, atoms = read_xsf(StringIO(read_text(path)), read_data=True)
    except (ValueError, AssertionError, IndexError, KeyError, UnboundLocalError) as error:
        raise ValueError(f"{path} is no whole XSF file with one grid ({error!r})") from error
    except (StopIteration, RuntimeError) as error:  # ASE's generator runs out of lines
        raise ValueError(f"{path} ends before its grid does: it is cut off") from error
    nx, ny, nz = values.shape
    grid = Grid(origin, spans / (np.array([[nx], [ny], [nz]]) - 1), (nx, ny, nz))
    if atoms.pbc.all():
        if np.abs(spans - atoms.cell).max() > 1e-3:
            raise ValueError(f"{path} has voxels that don't fill its cell: {spans.tolist()}")
        values = values[:-1, :-1, :-1]
        grid = Grid(origin, grid.steps, (nx - 1, ny - 1, nz - 1))
    alone = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    return Volume.of_one(grid, values, atoms=alone)
