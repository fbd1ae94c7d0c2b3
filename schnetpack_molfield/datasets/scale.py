"""Whether bonds have the length of bonds: geometries in bohr or nanometre are asked about."""

from collections.abc import Iterable

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list
from scipy.spatial.distance import cdist

__all__ = ["doubtful_scale", "nearest_ratios"]

#: Units that lengths taken for Angstrom may be in: Angstrom per unit, and what is asked.
_UNITS = {
    0.1: "are they in nanometre (--length-unit nm)?",
    0.529: "were they divided by 1.89 as if they had been in bohr?",
    1.89: "are they in bohr (--length-unit bohr)?",
    100: "are they in picometre (--length-unit pm)?",
}
_NEAR = 1.3  # bonds are asked about whose median is right in another unit, by this factor ...
_RANGE, _SHARE = 1.35, 0.9  # ... if most of them are, so that arbitrary points pass
_NOBLE = (2, 10, 18, 36, 54, 86)  # have no bonds
_FEWEST, _ENOUGH = 3, 1000  # atoms are looked at


def nearest_ratios(atoms: Atoms) -> np.ndarray:
    """Distance of every atom to its nearest, per sum of their covalent radii.

    Returns:
        One number for each atom that can have bonds and isn't alone, none beyond the first 1,000.
    """
    atoms = atoms[~np.isin(atoms.numbers, _NOBLE)][:_ENOUGH]
    if len(atoms) == 0:
        return np.empty(0)
    radii = covalent_radii[atoms.numbers]  # (n_atoms,)
    if atoms.pbc.any():
        return _periodic_ratios(atoms, radii)
    if len(atoms) == 1:
        return np.empty(0)
    ratios = cdist(atoms.positions, atoms.positions) / (radii[:, None] + radii)  # (n, n)
    np.fill_diagonal(ratios, np.inf)
    return ratios.min(axis=1)


def _periodic_ratios(atoms: Atoms, radii: np.ndarray) -> np.ndarray:
    """The same with images, for atoms that have any within 2.5 radii."""
    i, j, distance = neighbor_list("ijd", atoms, list(2.5 * radii))
    ratios = np.full(len(atoms), np.inf)
    np.minimum.at(ratios, i, distance / (radii[i] + radii[j]))
    return ratios[np.isfinite(ratios)]


def doubtful_scale(frames: Iterable[Atoms]) -> str | None:
    """One line on lengths that can't be Angstrom; None if they may be.

    Args:
        frames: some frames of a set.
    """
    ratios = np.concatenate([nearest_ratios(atoms) for atoms in frames] or [np.empty(0)])
    for per_angstrom, question in _UNITS.items():
        off = np.abs(np.log(ratios / per_angstrom))  # (n_atoms,)
        if (
            len(off) >= _FEWEST
            and np.median(off) < np.log(_NEAR)
            and _share_within(off, _RANGE) >= _SHARE
        ):
            return (
                f"nearest atoms are at {np.median(ratios):.2f} of the usual lengths of bonds; "
                f"{question} If they are in Angstrom, pass --length-unit Ang"
            )
    return None


def _share_within(off: np.ndarray, factor: float) -> float:
    return float(np.mean(off < np.log(factor)))
