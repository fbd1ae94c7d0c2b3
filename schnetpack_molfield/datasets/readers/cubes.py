"""Cube files of electron densities, each a molecule with a grid, for `experiment=molfield_density`.

Programs write densities in e/bohr^3 by custom. The comment line may name another unit, as those of
`MolecularField.to_cube` do; where it names none, the electrons beyond the cores decide.
"""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from ase import Atoms
from scipy.spatial import cKDTree

from schnetpack_molfield import properties as keys
from schnetpack_molfield.datasets.frames import RawFrame, RawSource, Value
from schnetpack_molfield.datasets.labels import Label
from schnetpack_molfield.fields.cube import read_cube
from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.fields.lengths import NOBLE_GASES
from schnetpack_molfield.fields.units import unit_factor

__all__ = ["open_cube"]

#: Angstrom around a nucleus where a grid doesn't resolve the density.
_CORE = 0.5

#: Electrons on the grid beyond the cores, over those of the valence shells, of any density.
_PLAUSIBLE = (0.1, 3.0)

_LABELS = [
    Label(keys.electron_density, keys.electron_density, "e/Ang^3"),
    Label(keys.grid_shape, keys.grid_shape, ""),
    Label(keys.grid_origin, keys.grid_origin, "Ang"),
    Label(keys.grid_spacing, keys.grid_spacing, "Ang"),
]


def open_cube(path: Path, elements: Mapping[str, str]) -> RawSource:
    """Open a cube file of an electron density.

    Args:
        path: the file.
        elements: not used, cube files have atomic numbers.

    Raises:
        ValueError: if the file is broken, or holds no electron density.
    """
    atoms, grid, values = read_cube(path)
    density = _in_angstrom(atoms, grid, values, _stated_unit(path))
    arrays = {
        keys.electron_density: density.astype(np.float32).ravel(),  # (n_grid,)
        keys.grid_shape: np.array(grid.shape),  # (3,)
        keys.grid_origin: grid.origin,  # (3,)
        keys.grid_spacing: grid.steps,  # (3, 3)
    }
    frame = RawFrame(atoms, {key: Value(array, False) for key, array in arrays.items()})
    return RawSource(
        path,
        read=partial(iter, [frame]),
        label_of={label.key: label for label in _LABELS}.__getitem__,
        count=1,
        length_unit="Ang",
    )


def _stated_unit(path: Path) -> str | None:
    """The unit of a density that the first line names in brackets, as in `rho (e/Ang^3)`."""
    with path.open() as file:
        stated = re.search(r"\((e/[^)]*)\)", file.readline())
    return stated[1] if stated else None


def _in_angstrom(atoms: Atoms, grid: Grid, values: np.ndarray, unit: str | None) -> np.ndarray:
    """Density (nx, ny, nz) in e/Ang^3."""
    if values.clip(max=0).sum() < -1e-3 * abs(values).sum():
        raise ValueError(
            f"its values go down to {values.min():g}: no electron density, and nothing else in a "
            "cube file can be trained on"
        )
    electrons = float(values[_beyond_cores(atoms, grid)].sum()) * grid.cell_volume
    expected = float(_valence(atoms.numbers).sum())
    low, high = _PLAUSIBLE
    for name in [unit] if unit else ["e/bohr^3", "e/Ang^3"]:
        factor = unit_factor(name, "e/Ang^3")
        if low * expected < factor * electrons < high * expected:
            return values * factor
    factor = unit_factor(unit or "e/bohr^3", "e/Ang^3")
    raise ValueError(
        f"no electron density in {unit or 'e/bohr^3'}: beyond the cores it adds up to "
        f"{factor * electrons:.3g} electrons, {atoms.symbols} has some {expected:g} there"
    )


def _beyond_cores(atoms: Atoms, grid: Grid) -> np.ndarray:
    """Which points (nx, ny, nz) are in no core."""
    distances, _ = cKDTree(atoms.positions).query(grid.points)
    return (distances > _CORE).reshape(grid.shape)


def _valence(numbers: np.ndarray) -> np.ndarray:
    """Electrons (n_atoms,) outside the shell of the noble gas before each element."""
    full = np.array([0, *NOBLE_GASES])
    return numbers - full[np.searchsorted(full, numbers) - 1]
