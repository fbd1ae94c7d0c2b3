"""Paths through degenerate geometries: a coordinate s in Angstrom, degenerate at s = 0.

Frames built by Gram-Schmidt, by sorted eigenvectors or from a fixed choice of neighbours jump
on these paths; smooth ones do not.
"""

from collections.abc import Callable

import numpy as np
from ase import Atoms

from schnetpack_molfield.testing.molecules import molecule

__all__ = ["PATHS", "Path", "cutoff_paths"]

Path = Callable[[float], Atoms]

_X, _Y, _Z = np.eye(3)
_GENERIC = np.array([1.0, 2.0, 3.0]) / np.sqrt(14.0)


def _move(name: str, atoms: list[int], direction: np.ndarray) -> Path:
    """Displace some atoms of a molecule along a direction by s."""

    def path(s: float) -> Atoms:
        moved = molecule(name)
        moved.positions[atoms] += s * direction
        return moved

    return path


def _stretch(name: str, axis: np.ndarray) -> Path:
    """Scale a molecule along one axis by the factor 1 + s."""

    def path(s: float) -> Atoms:
        moved = molecule(name)
        moved.positions += s * np.outer(moved.positions @ axis, axis)
        return moved

    return path


def _chair(s: float) -> Atoms:
    """Benzene along its b2g mode: neighbours move to opposite sides of the plane."""
    atoms = molecule("C6H6")
    atoms.positions[:, 2] += s * np.tile([1.0, -1.0], 6)
    return atoms


def _planar_ammonia(s: float) -> Atoms:
    """Ammonia's umbrella mode: nitrogen goes through the plane of the hydrogens."""
    atoms = molecule("NH3")
    atoms.positions[:, 2] = 0.0
    atoms.positions[0, 2] = s
    return atoms


def _bent_water(s: float) -> Atoms:
    """Water around the straight line."""
    return Atoms("OH2", positions=[(0, 0, s), (0, 0.96, 0), (0, -0.96, 0)])


def _visitor(s: float) -> Atoms:
    """A helium atom passes through the centre of benzene."""
    return molecule("C6H6") + Atoms("He", positions=[s * _GENERIC])


PATHS: dict[str, Path] = {
    "CO2 bent": _move("CO2", [0], _X),
    "C2H2 bent, cis": _move("C2H2", [2, 3], _X),
    "C2H2 bent, one side": _move("C2H2", [3], _X),
    "H2O through the line": _bent_water,
    "CH4 squeezed": _stretch("CH4", _Z),
    "CH4, C leaves the centroid": _move("CH4", [0], _GENERIC),
    "SF6, S leaves the centroid": _move("SF6", [0], _GENERIC),
    "NH3 through the plane": _planar_ammonia,
    "BF3 out of the plane": _move("BF3", [0], _Z),
    "C6H6 chair": _chair,
    "C6H6 with a visitor": _visitor,
    "C4 through the square": _stretch("C4", _X),
    "water dimer, one half moves": _move("water dimer", [0, 1, 2], _GENERIC),
}


def _visit(still: Atoms, coming: str, radius: float) -> Path:
    """An atom comes in from above, s + radius above the highest atom, the others farther away."""
    contact = still.positions[still.positions[:, 2].argmax()]  # (3,)

    def path(s: float) -> Atoms:
        return still + Atoms(coming, positions=[contact + (radius + s) * _Z])

    return path


def cutoff_paths(cutoff: float) -> dict[str, Path]:
    """Paths on which a pair crosses the cutoff at s = 0.

    Args:
        cutoff: radius in Angstrom at which neighbours are dropped.

    Returns:
        Paths by name; the last atom is the one that comes and goes.
    """
    return {
        "pair at the cutoff": _visit(Atoms("C"), "O", cutoff),
        "atom above NH3 at the cutoff": _visit(molecule("NH3"), "O", cutoff),
        "atom above ethanol at the cutoff": _visit(molecule("rattled ethanol"), "O", cutoff),
    }
