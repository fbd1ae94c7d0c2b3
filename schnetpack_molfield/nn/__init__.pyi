"""Small general layers."""

from .angular import (
    LearnedAngularEncoding as LearnedAngularEncoding,
)
from .angular import (
    LearnedDihedralEncoding as LearnedDihedralEncoding,
)
from .angular import (
    cos_angle as cos_angle,
)
from .angular import (
    dihedral_components as dihedral_components,
)
from .cells import RightHandedCell as RightHandedCell
from .cells import right_handed as right_handed
from .element_pairs import ElementPairs as ElementPairs
from .radial import LearnedRadialEncoding as LearnedRadialEncoding
from .spline import CubicSpline as CubicSpline
