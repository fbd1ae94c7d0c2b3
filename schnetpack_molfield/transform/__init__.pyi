"""Per-sample transforms."""

from .checks import CheckDistances as CheckDistances
from .checks import CheckStructure as CheckStructure
from .field_points import FieldPoints as FieldPoints
from .field_points import GridPoints as GridPoints
