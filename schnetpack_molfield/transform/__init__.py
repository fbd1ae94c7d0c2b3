"""Per-sample transforms."""

from schnetpack_molfield.transform.checks import CheckDistances, CheckStructure
from schnetpack_molfield.transform.field_points import FieldPoints, GridPoints

__all__ = ["CheckDistances", "CheckStructure", "FieldPoints", "GridPoints"]
