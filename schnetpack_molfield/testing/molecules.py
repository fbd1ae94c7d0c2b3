"""Named molecules on which machine-learning potentials fail: symmetric, linear, tiny, far apart.

Positions are in Angstrom. The symmetric molecules are exact to the last bit of double precision,
because a frame that degenerates at perfect symmetry looks healthy 1e-6 Angstrom beside it.
"""

from collections.abc import Callable
from difflib import get_close_matches

import numpy as np
from ase import Atoms
from ase.build import molecule as g2_molecule

__all__ = ["CHIRAL", "MOLECULES", "PERIODIC", "SYMMETRY", "molecule", "rounded", "translated"]

_ASPIRIN = np.array([
    (-2.591, -2.275, 0.067), (-1.704, -1.155, -0.387), (-1.522, -0.846, -1.558),
    (-1.162, -0.529, 0.731), (-0.248, 0.474, 0.395), (-0.717, 1.791, 0.432),
    (0.150, 2.840, 0.135), (1.481, 2.574, -0.184), (1.952, 1.257, -0.201),
    (1.092, 0.188, 0.096), (1.592, -1.212, 0.108), (0.973, -2.210, 0.425),
    (2.878, -1.304, -0.283), (-2.974, -2.809, -0.807), (-3.435, -1.874, 0.632),
    (-2.018, -2.979, 0.677), (-1.754, 1.997, 0.681), (-0.211, 3.866, 0.151),
    (2.157, 3.394, -0.418), (2.996, 1.078, -0.446), (3.065, -2.265, -0.244),
])  # (21, 3), MMFF94 minimum  # fmt: skip
_TETRAHEDRON = np.array([(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]) / np.sqrt(3.0)  # (4, 3)
_OCTAHEDRON = np.concatenate([np.eye(3), -np.eye(3)])  # (6, 3)


def rounded(atoms: Atoms) -> Atoms:
    """Positions to the nearest 2^-16 Angstrom.

    Shifts by short binary fractions of up to 100 Angstrom are then exact in single precision, and
    what is measured is the model's error instead of its input's.
    """
    atoms.positions = np.round(atoms.positions * 2**16) / 2**16
    return atoms


def translated(atoms: Atoms) -> Atoms:
    """A copy 56 Angstrom away, at `rounded` positions."""
    copy = rounded(atoms.copy())
    copy.translate((33.125, -44.25, 5.75))
    return copy


def _axial(symbols: str, z: list[float]) -> Atoms:
    """Atoms on the z axis."""
    return Atoms(symbols, positions=[(0.0, 0.0, height) for height in z])


def _ring(symbols: str, radius: float, z: float = 0.0) -> Atoms:
    """A regular polygon around the z axis."""
    n = len(Atoms(symbols))
    angle = 2 * np.pi * np.arange(n) / n
    return Atoms(
        symbols,
        positions=np.stack([radius * np.cos(angle), radius * np.sin(angle), np.full(n, z)], axis=1),
    )


def _around(centre: str, ligands: str, directions: np.ndarray, length: float) -> Atoms:
    """Ligands around an atom at the origin."""
    return Atoms(centre) + Atoms(ligands, positions=length * directions)


def _water() -> Atoms:
    return Atoms("OH2", positions=[(0, 0, 0.119), (0, 0.763, -0.477), (0, -0.763, -0.477)])


def _rattled(atoms: Atoms) -> Atoms:
    """Without any symmetry: everything that may be non-zero is non-zero."""
    atoms.rattle(0.05, seed=7)
    return atoms


def _shifted(atoms: Atoms, shift: tuple[float, float, float]) -> Atoms:
    atoms.translate(shift)
    return atoms


def _inverted(atoms: Atoms) -> Atoms:
    return Atoms(atoms.numbers, positions=-atoms.positions)


def _water_dimer() -> Atoms:
    """Two identical fragments: every sum of their vectors cancels."""
    half = _shifted(_water(), (0.4, 0.9, 1.4))
    return half + _inverted(half)


def _dihaloethane(second_carbon: str) -> Atoms:
    """Staggered CHFCl-CHFCl; the order of the second carbon's ligands decides the diastereomer."""
    lower = _ring("HFCl", 1.3, z=-1.2)
    upper = _ring(second_carbon, 1.3, z=1.2)
    upper.rotate(180, "z")
    return _axial("CC", [-0.77, 0.77]) + lower + upper


def _water_box() -> Atoms:
    """Eight waters in a triclinic box so narrow that a neighbour is seen several times."""
    rng = np.random.default_rng(5)
    box = Atoms(pbc=True, cell=[(6.25, 0, 0), (0.75, 6.125, 0), (-0.375, 0.5, 6.25)])
    for corner in np.ndindex(2, 2, 2):
        water = _water()
        water.euler_rotate(*rng.uniform(0, 360, 3))
        box += _shifted(water, tuple((np.array(corner) + 0.25) @ box.cell.array / 2))
    return rounded(box)


_BUILDERS: dict[str, Callable[[], Atoms]] = {
    "H": lambda: Atoms("H"),
    "He": lambda: Atoms("He"),
    "H2": lambda: _axial("H2", [-0.37, 0.37]),
    "N2": lambda: _axial("N2", [-0.55, 0.55]),
    "CO2": lambda: _axial("CO2", [0.0, 1.16, -1.16]),
    "C2H2": lambda: _axial("C2H2", [-0.6, 0.6, -1.66, 1.66]),
    "H2O": _water,
    "NH3": lambda: _axial("N", [0.11]) + _ring("H3", 0.94, z=-0.27),
    "CH4": lambda: _around("C", "H4", _TETRAHEDRON, 1.09),
    "BF3": lambda: Atoms("B") + _ring("F3", 1.31),
    "C6H6": lambda: _ring("C6", 1.397) + _ring("H6", 2.484),
    "SF6": lambda: _around("S", "F6", _OCTAHEDRON, 1.56),
    "C4": lambda: _ring("C4", 1.02),
    "water dimer": _water_dimer,
    "ethanol": lambda: g2_molecule("CH3CH2OH"),
    "rattled ethanol": lambda: _rattled(g2_molecule("CH3CH2OH")),
    "aspirin": lambda: Atoms("C2OOC7O2H8", positions=_ASPIRIN),
    "far fragments": lambda: _water() + _shifted(g2_molecule("CH3OH"), (15.0, 10.0, -5.0)),
    "CHFClBr": lambda: _around("C", "HFClBr", _TETRAHEDRON, 1.5),
    "mirrored CHFClBr": lambda: _inverted(_around("C", "HFClBr", _TETRAHEDRON, 1.5)),
    "meso CHFCl-CHFCl": lambda: _dihaloethane("HFCl"),
    "chiral CHFCl-CHFCl": lambda: _dihaloethane("HClF"),
    "water box": _water_box,
}

PERIODIC = ("water box",)
CHIRAL = ("CHFClBr", "mirrored CHFClBr", "meso CHFCl-CHFCl", "chiral CHFCl-CHFCl")
MOLECULES = tuple(name for name in _BUILDERS if name not in PERIODIC + CHIRAL)


def molecule(name: str) -> Atoms:
    """Build a fresh copy of a named structure.

    Args:
        name: one of `MOLECULES`, `CHIRAL` or `PERIODIC`.

    Returns:
        The structure, positions in Angstrom.

    Raises:
        KeyError: if there is no structure of that name.
    """
    if name not in _BUILDERS:
        near = get_close_matches(name, _BUILDERS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(_BUILDERS)}"
        raise KeyError(f"no test molecule {name!r}: {hint}")
    return _BUILDERS[name]()


def _turn(degrees: float) -> np.ndarray:
    """Rotation about the z axis."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([(cos, -sin, 0.0), (sin, cos, 0.0), (0.0, 0.0, 1.0)])


_FLIP_X = np.diag([-1.0, 1.0, 1.0])
_FLIP_Y = np.diag([1.0, -1.0, 1.0])
_FLIP_Z = np.diag([1.0, 1.0, -1.0])
_CYCLE_XYZ = np.eye(3)[[1, 2, 0]]  # threefold rotation about (1, 1, 1)
_LINEAR = (_turn(50.0), _FLIP_X, _FLIP_Z)  # 50 degrees stand for any angle: D(infinity)h

#: Generators of the point group of each symmetric molecule, (3, 3) orthogonal matrices.
SYMMETRY: dict[str, tuple[np.ndarray, ...]] = {
    "H": (*_LINEAR, _CYCLE_XYZ),
    "He": (*_LINEAR, _CYCLE_XYZ),
    "H2": _LINEAR,
    "N2": _LINEAR,
    "CO2": _LINEAR,
    "C2H2": _LINEAR,
    "H2O": (_FLIP_X, _FLIP_Y),
    "NH3": (_turn(120), _FLIP_Y),
    "CH4": (_CYCLE_XYZ, _turn(90) @ _FLIP_Z),
    "BF3": (_turn(120), _FLIP_Y, _FLIP_Z),
    "C6H6": (_turn(60), _FLIP_Y, _FLIP_Z),
    "SF6": (_CYCLE_XYZ, _turn(90), -np.eye(3)),
    "C4": (_turn(90), _FLIP_Y, _FLIP_Z),
    "water dimer": (-np.eye(3),),
}
