"""Per-sample transforms."""

from schnetpack_molfield.transform.checks import CheckDistances, CheckStructure
from schnetpack_molfield.transform.field_points import FieldPoints, GridPoints
from schnetpack_molfield.transform.offsets import AddOffsets, RemoveOffsets
from schnetpack_molfield.transform.precision import cast_to

__all__ = [
    "AddOffsets",
    "CheckDistances",
    "CheckStructure",
    "FieldPoints",
    "GridPoints",
    "RemoveOffsets",
    "cast_to",
]
