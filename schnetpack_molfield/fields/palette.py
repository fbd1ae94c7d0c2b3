"""One convention of colour for slices, surfaces and notebooks: positive is blue, negative is red.

The blue and the red are the ends of ColorBrewer's map RdBu, which people with a colour deficiency
can tell apart (Harrower & Brewer, Cartogr. J. 40, 27 (2003)).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.data.colors import jmol_colors
from ase.neighborlist import natural_cutoffs, neighbor_list

__all__ = [
    "NEGATIVE",
    "POSITIVE",
    "atom_colors",
    "atom_radii",
    "bonds",
    "color_range",
    "level_colors",
]

POSITIVE, NEGATIVE = "#2166ac", "#b2182b"

#: Colour maps of fields with both signs and with one.
_BOTH, _POSITIVE_ONLY, _NEGATIVE_ONLY = "RdBu", "Blues", "Reds_r"

#: Share of the values that may lie beyond the colours: nuclear cusps must not hide the rest.
_BEYOND = 0.02

#: Values of the other sign that are smaller than this share of the range are noise.
_NOISE = 0.05


def level_colors(levels: Sequence[float]) -> list[str]:
    """Colours of surfaces: one for each sign, paler for the levels of a sign nearer to zero.

    Zero has the colour of positive values.
    """
    colors = []
    for level in levels:
        alike = sorted(abs(x) for x in levels if (x < 0) == (level < 0))
        share = (1 + alike.index(abs(level))) / len(alike)
        colors.append(_paler(NEGATIVE if level < 0 else POSITIVE, 0.6 * (1 - share)))
    return colors


def _paler(color: str, white: float) -> str:
    """A colour with a share of white."""
    channels = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(x + white * (255 - x)):02x}" for x in channels)


def color_range(values: np.ndarray) -> tuple[str, float, float]:
    """Colour map and its lower and upper end for the values of a slice."""
    limit = float(np.quantile(np.abs(values), 1 - _BEYOND)) or 1.0
    has_negative = values.min() < -_NOISE * limit
    has_positive = values.max() > _NOISE * limit
    if has_negative and has_positive:
        return _BOTH, -limit, limit
    return (_NEGATIVE_ONLY, -limit, 0.0) if has_negative else (_POSITIVE_ONLY, 0.0, limit)


def atom_colors(atoms: Atoms) -> np.ndarray:
    """Red, green and blue of every atom, from 0 to 1, (n_atoms, 3)."""
    return jmol_colors[atoms.numbers]


def atom_radii(atoms: Atoms) -> np.ndarray:
    """Radii of the balls that are drawn, in Angstrom, (n_atoms,)."""
    return 0.4 * covalent_radii[atoms.numbers]


def bonds(atoms: Atoms) -> np.ndarray:
    """End points (n_bonds, 2, 3) of bonds by covalent radii."""
    molecule = Atoms(atoms.numbers, atoms.positions)
    i, j = neighbor_list("ij", molecule, natural_cutoffs(molecule, mult=1.15))
    return np.stack([atoms.positions[i[i < j]], atoms.positions[j[i < j]]], axis=1)
