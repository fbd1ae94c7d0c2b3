"""What a structure says besides its atoms: its charge, and whether its lengths are in Angstrom."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.units import Bohr
from scipy.spatial import cKDTree

from schnetpack_molfield.checks import check_choice

__all__ = ["angstrom_per", "total_charge", "unusual_lengths"]

#: Angstrom per unit of length, by the unit's usual spellings in lower case.
_LENGTHS = {
    **dict.fromkeys(("ang", "angstrom", "a"), 1.0),
    **dict.fromkeys(("bohr", "a0", "au"), Bohr),
    **dict.fromkeys(("nm", "nanometer"), 10.0),
    **dict.fromkeys(("pm", "picometer"), 0.01),
}

#: Atoms that aren't bound to others.
_NOBLE_GASES = [2, 10, 18, 36, 54, 86, 118]


def angstrom_per(unit: str) -> float:
    """How many Angstrom a unit of length is.

    Raises:
        ValueError: if it isn't known.
    """
    check_choice("unit of length", unit.lower(), list(_LENGTHS))
    return _LENGTHS[unit.lower()]


def total_charge(atoms: Atoms) -> int:
    """The charge in units of e that `atoms.info` states as `charge` or `total_charge`, else 0.

    Raises:
        ValueError: if it isn't a whole number, or larger than the nuclei's.
    """
    charge = atoms.info.get("charge", atoms.info.get("total_charge", 0))
    try:
        whole = round(float(charge))
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"the structure's charge must be a whole number, got {charge!r}") from None
    if abs(float(charge) - whole) > 1e-3:
        raise ValueError(f"the structure's charge must be a whole number, got {charge!r}")
    if whole > (protons := int(atoms.numbers.sum())):
        raise ValueError(f"{atoms.symbols} can't have charge {whole}, it has {protons} protons")
    return whole


def unusual_lengths(atoms: Atoms) -> str | None:
    """What is unusual about the bonds, and in which unit they may be; None if they're as usual.

    Every atom's shortest distance is compared with the sum of the covalent radii (Cordero et al.
    2008). In molecules the median of these ratios is between 0.75 and 1.3.
    """
    ratios = _bond_ratios(atoms)
    if len(ratios) == 0:
        return None
    median = float(np.median(ratios))
    text = f"its bonds are {median:.2g} times as long as usual, as if its lengths were in"
    if median < 0.25:
        return f"{text} nm"
    if median < 0.7:
        return f"{text} Angstrom and had been taken for bohr"
    if len(ratios) > 2 and 1.4 < median < 2.05 and ratios.min() > 1.3 and ratios.max() < 2.3:
        return f"{text} bohr"
    return None


def _bond_ratios(atoms: Atoms) -> np.ndarray:
    """Each atom's shortest distance over the sum of the covalent radii, (n_bound,)."""
    bound = ~np.isin(atoms.numbers, _NOBLE_GASES)
    positions, radii = atoms.positions[bound], covalent_radii[atoms.numbers[bound]]
    if len(positions) < 2:
        return np.empty(0)
    n_neighbors = min(8, len(positions))
    distances, others = cKDTree(positions).query(positions, k=n_neighbors)  # (n_bound, k) each
    return (distances / (radii[:, None] + radii[others]))[:, 1:].min(axis=1)
