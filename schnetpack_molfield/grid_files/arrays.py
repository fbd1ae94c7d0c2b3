"""Our own archives of arrays, .npz: C order, Angstrom, everything with its unit."""

from __future__ import annotations

import zipfile
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
from ase import Atoms

from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.grid_files.volume import Volume
from schnetpack_molfield.new_files import replace_when_complete

__all__ = ["is_grid_archive", "read", "write"]

_KEYS = {"Z", "R", "origin_A", "steps_A", "values", "channels", "units"}


def is_grid_archive(path: Path) -> bool:
    """Whether it is such an archive."""
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return set(arrays) >= _KEYS
    except (OSError, EOFError, ValueError, TypeError, UnpicklingError, zipfile.BadZipFile):
        return False


def read(path: Path) -> Volume:
    """Everything that `write` has written.

    Raises:
        ValueError: if it is another archive, or broken.
    """
    if not is_grid_archive(path):
        raise ValueError(f"{path} is no archive of a grid with the keys {', '.join(sorted(_KEYS))}")
    with np.load(path) as arrays:
        values = arrays["values"]  # (nx, ny, nz, n_channels)
        nx, ny, nz = values.shape[:3]
        grid = Grid(arrays["origin_A"], arrays["steps_A"], (nx, ny, nz))
        names, units = arrays["channels"].tolist(), arrays["units"].tolist()
        return Volume(grid, values, names, units, Atoms(arrays["Z"], arrays["R"]))


def write(path: Path, volume: Volume) -> None:
    """Write all quantities in their own units."""
    with replace_when_complete(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            Z=volume.atoms.numbers,
            R=volume.atoms.positions,
            origin_A=volume.grid.origin,
            steps_A=volume.grid.steps,
            values=volume.values,
            channels=volume.channels,
            units=volume.units,
        )
