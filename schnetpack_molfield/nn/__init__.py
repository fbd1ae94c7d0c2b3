"""Small general layers."""

from schnetpack_molfield.nn.angular import (
    LearnedAngularEncoding,
    LearnedDihedralEncoding,
    cos_angle,
    dihedral_components,
)
from schnetpack_molfield.nn.cells import RightHandedCell, right_handed
from schnetpack_molfield.nn.cutoff import SmoothCutoff
from schnetpack_molfield.nn.element_pairs import ElementPairs
from schnetpack_molfield.nn.radial import LearnedRadialEncoding
from schnetpack_molfield.nn.spline import CubicSpline

__all__ = [
    "CubicSpline",
    "ElementPairs",
    "LearnedAngularEncoding",
    "LearnedDihedralEncoding",
    "LearnedRadialEncoding",
    "RightHandedCell",
    "SmoothCutoff",
    "cos_angle",
    "dihedral_components",
    "right_handed",
]
