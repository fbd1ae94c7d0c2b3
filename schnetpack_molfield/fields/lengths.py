"""Whether bonds are as long as bonds: structures in bohr, nanometre or picometre are noticed."""

from typing import NamedTuple

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list
from ase.units import Bohr
from scipy.spatial import cKDTree

__all__ = ["NOBLE_GASES", "UnusualLengths", "unusual_lengths"]

NOBLE_GASES = (2, 10, 18, 36, 54, 86, 118)

#: What lengths may be in that were taken for Angstrom: the unit in Angstrom, and between which
#: numbers the median of the bonds' ratios is then. In Angstrom it is between 0.75 and 1.3; from
#: 2.1 on there may be oxygens of a crystal, or alpha carbons.
_UNITS = {
    "nm": (10.0, 0.05, 0.25),
    "Angstrom and had been taken for bohr": (1 / Bohr, 0.3, 0.7),
    "bohr": (Bohr, 1.4, 2.05),
    "pm": (0.01, 60.0, 150.0),
}
_MARGIN, _SHARE = 1.12, 0.9  # most atoms are there too, within this factor; arbitrary points pass
_REACH, _ENOUGH = 2.5, 1000  # radii up to which images are seen, atoms of a frame looked at


class UnusualLengths(NamedTuple):
    """What is unusual about the bonds.

    Attributes:
        unit: what their lengths may be in.
        angstrom: one of that unit in Angstrom: what to multiply lengths by.
        median: of the bonds' lengths, in units of the usual ones.
    """

    unit: str
    angstrom: float
    median: float

    def __str__(self) -> str:
        return (
            f"its bonds are {self.median:.2g} times as long as usual, as if its lengths were in "
            f"{self.unit}"
        )


def unusual_lengths(*frames: Atoms) -> UnusualLengths | None:
    """What is unusual about the bonds of some frames; None if they're as usual.

    Every atom's shortest distance is compared with the sum of the covalent radii (Cordero et al.
    2008). Two atoms may be far apart, but not on top of each other.
    """
    ratios = np.concatenate([_nearest_ratios(atoms) for atoms in frames] or [np.empty(0)])
    if len(ratios) < 2:
        return None
    median = float(np.median(ratios))
    for unit, (angstrom, low, high) in _UNITS.items():
        near = (ratios > low / _MARGIN) & (ratios < high * _MARGIN)  # (n_bound,)
        enough = len(ratios) > 2 or high < 1
        if enough and low < median < high and near.mean() >= _SHARE:
            return UnusualLengths(unit, angstrom, median)
    return None


def _nearest_ratios(atoms: Atoms) -> np.ndarray:
    """Each atom's shortest distance over the sum of the covalent radii, (n_bound,)."""
    atoms = atoms[~np.isin(atoms.numbers, NOBLE_GASES)][:_ENOUGH]  # these have no bonds
    radii = covalent_radii[atoms.numbers]  # (n_bound,)
    if atoms.pbc.any():
        i, j, distances = neighbor_list("ijd", atoms, list(_REACH * radii))
        ratios = np.full(len(atoms), np.inf)
        np.minimum.at(ratios, i, distances / (radii[i] + radii[j]))
        return ratios[np.isfinite(ratios)]
    if len(atoms) < 2:
        return np.empty(0)
    n_neighbors = min(8, len(atoms))
    distances, others = cKDTree(atoms.positions).query(atoms.positions, k=n_neighbors)
    return (distances / (radii[:, None] + radii[others]))[:, 1:].min(axis=1)
