"""Small general layers."""

from .angular import (
    LearnedAngularEncoding as LearnedAngularEncoding,
    LearnedDihedralEncoding as LearnedDihedralEncoding,
    cos_angle as cos_angle,
    dihedral_components as dihedral_components,
)
from .cells import RightHandedCell as RightHandedCell, right_handed as right_handed
from .cutoff import SmoothCutoff as SmoothCutoff
from .element_pairs import ElementPairs as ElementPairs
from .radial import LearnedRadialEncoding as LearnedRadialEncoding
from .spline import CubicSpline as CubicSpline
