"""Files of an electron density on a grid, each a molecule, for `experiment=molfield_density`.

A file may name the unit, as `MolecularField.to_grid` does; where it names none, the electrons
beyond the cores decide between e/bohr^3 and e/Ang^3. Formats without atoms need a structure beside
them.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from warnings import warn

import numpy as np
import torch
from ase import Atoms
from scipy.spatial import cKDTree

from schnetpack_molfield import properties as keys
from schnetpack_molfield.datasets.frames import RawFrame, RawSource, Value
from schnetpack_molfield.datasets.labels import Label
from schnetpack_molfield.datasets.molecules import read_molecules
from schnetpack_molfield.datasets.readers.vacuum import in_the_middle
from schnetpack_molfield.fields.lengths import NOBLE_GASES
from schnetpack_molfield.fields.promolecule import HEAVIEST, PromoleculeDensity
from schnetpack_molfield.fields.units import is_density, unit_factor
from schnetpack_molfield.grid_files import Volume, read_volume
from schnetpack_molfield.text_files import CIF, PDB, SDF, XYZ

__all__ = ["open_volume"]

#: Angstrom around a nucleus where a grid doesn't resolve the density.
_CORE = 0.5

#: Electrons on the grid beyond the cores, over those of the valence shells, of any density.
_PLAUSIBLE = (0.1, 3.0)

#: Integral of the absolute difference to the promolecule, over its electrons, of another molecule.
_ELSEWHERE = 0.7

#: Density near nuclei with a core, over that elsewhere, in units of the free atoms': less is none.
_NO_CORE = 0.5

_LABELS = [
    Label(keys.electron_density, keys.electron_density, "e/Ang^3"),
    Label(keys.grid_shape, keys.grid_shape, ""),
    Label(keys.grid_origin, keys.grid_origin, "Ang"),
    Label(keys.grid_spacing, keys.grid_spacing, "Ang"),
]


def open_volume(path: Path, elements: Mapping[str, str]) -> RawSource:
    """Open a file of an electron density on a grid.

    Args:
        path: the file.
        elements: not used, these files have atomic numbers or symbols.

    Raises:
        ValueError: if the file is broken, or holds no electron density of its atoms.
    """
    volume = _with_atoms(path, read_volume(path))
    volume.check_finite()
    values, unit = _density(volume)
    if volume.atoms.pbc.any():
        volume, values = in_the_middle(volume, values)
    density = _checked(volume, values, unit)  # (nx, ny, nz)
    arrays = {
        keys.electron_density: density.astype(np.float32).ravel(),  # (n_grid,)
        keys.grid_shape: np.array(volume.grid.shape),  # (3,)
        keys.grid_origin: volume.grid.origin,  # (3,)
        keys.grid_spacing: volume.grid.steps,  # (3, 3)
    }
    atoms = Atoms(volume.atoms.numbers, volume.atoms.positions)
    frame = RawFrame(atoms, {key: Value(array, False) for key, array in arrays.items()})
    return RawSource(
        path,
        read=partial(iter, [frame]),
        label_of={label.key: label for label in _LABELS}.__getitem__,
        count=1,
        length_unit="Ang",
    )


def _with_atoms(path: Path, volume: Volume) -> Volume:
    """The same with the atoms of the structure file beside it, where it has none itself.

    Raises:
        ValueError: if there is no such file, or several.
    """
    if len(volume.atoms):
        return volume
    stem = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    beside = [stem.with_suffix(suffix) for suffix in (*XYZ, *SDF, *PDB, *CIF)]
    found = [file for file in beside if file.is_file()]
    if len(found) != 1:
        names = " and ".join(file.name for file in found) or f"no {stem.stem}.xyz"
        raise ValueError(
            f"its format has no atoms: put their structure beside it as {stem.stem}.xyz, .sdf, "
            f".pdb or .cif (there is {names})"
        )
    atoms = read_molecules(str(found[0]))[-1]
    return Volume(volume.grid, volume.values, volume.channels, volume.units, atoms)


def _density(volume: Volume) -> tuple[np.ndarray, str]:
    """Values (nx, ny, nz) of the channel that may be a density, and its unit or "".

    Raises:
        ValueError: if no channel can be one, or several.
    """
    pairs = zip(volume.channels, volume.units, strict=True)
    fits = [
        k
        for k, (name, unit) in enumerate(pairs)
        if "spin" not in name and (not unit or is_density(unit))
    ]
    if not fits:
        what = ", ".join(title or "values" for title in volume.titles())
        raise ValueError(
            f"it holds {what}: no electron density, and nothing else can be trained on"
        )
    if len(fits) > 1:
        raise ValueError(
            f"it holds {len(fits)} quantities ({', '.join(volume.titles())}), such as several "
            "orbitals: expected one electron density"
        )
    return volume.values[..., fits[0]], volume.units[fits[0]]


def _checked(volume: Volume, values: np.ndarray, unit: str) -> np.ndarray:
    """Density (nx, ny, nz) of all electrons in e/Ang^3.

    Raises:
        ValueError: if it isn't the density of these atoms.
    """
    if values.clip(max=0).sum() < -1e-3 * abs(values).sum():
        raise ValueError(
            f"its values go down to {values.min():g}: no electron density, and nothing else in a "
            "grid file can be trained on"
        )
    nearest, _ = cKDTree(volume.atoms.positions).query(volume.grid.points)
    outside = (nearest > _CORE).reshape(volume.grid.shape)  # (nx, ny, nz) in no core
    density = _in_angstrom(volume, values, unit, outside)
    if volume.atoms.numbers.max() > HEAVIEST:
        return density
    free, core = (_free(volume, electrons) for electrons in ("all", "core"))
    _check_place(density, free, outside)
    return _with_core(density, free, core, ~outside)


def _in_angstrom(volume: Volume, values: np.ndarray, unit: str, outside: np.ndarray) -> np.ndarray:
    """Density (nx, ny, nz) in e/Ang^3."""
    electrons = float(values[outside].sum()) * volume.grid.cell_volume
    expected = float(_valence(volume.atoms.numbers).sum())
    low, high = _PLAUSIBLE
    for name in [unit] if unit else ["e/bohr^3", "e/Ang^3"]:
        factor = unit_factor(name, "e/Ang^3")
        if low * expected < factor * electrons < high * expected:
            return values * factor
    factor = unit_factor(unit or "e/bohr^3", "e/Ang^3")
    raise ValueError(
        f"no electron density in {unit or 'e/bohr^3'}: beyond the cores it adds up to "
        f"{factor * electrons:.3g} electrons, {volume.atoms.symbols} has some {expected:g} there"
    )


def _check_place(density: np.ndarray, free: np.ndarray, outside: np.ndarray) -> None:
    """Raise ValueError if the density (nx, ny, nz) isn't where the free atoms' is."""
    found, expected = density[outside], free[outside]
    error = float(np.abs(found / found.sum() - expected / expected.sum()).sum())
    if error > _ELSEWHERE:
        raise ValueError(
            f"its density isn't where its atoms are (it differs by {error:.0%} from that of free "
            "atoms): another structure, origin or order of the axes"
        )


def _with_core(
    density: np.ndarray, free: np.ndarray, core: np.ndarray, inside: np.ndarray
) -> np.ndarray:
    """The density (nx, ny, nz), the free atoms' core added where it has none but valence electrons.

    Only where a core makes up most of the free atoms' density it can be told.
    """
    where = inside & (core > 0.8 * free)
    if not where.any():
        return density
    found, expected = (x[where].sum() / x[~inside].sum() for x in (density, free))
    if found > _NO_CORE * expected:
        return density
    warn("valence electrons only: the cores of free atoms are added to the density", stacklevel=2)
    return density + core


def _free(volume: Volume, electrons: str) -> np.ndarray:
    """Density (nx, ny, nz) of free atoms in e/Ang^3."""
    field = PromoleculeDensity(electrons=electrons).of(volume.atoms, dtype=torch.float64)
    return field(volume.grid.points).view(volume.grid.shape).numpy()


def _valence(numbers: np.ndarray) -> np.ndarray:
    """Electrons (n_atoms,) outside the shell of the noble gas before each element."""
    full = np.array([0, *NOBLE_GASES])
    return numbers - full[np.searchsorted(full, numbers) - 1]
