"""Per-sample transforms."""

from .checks import CheckDistances as CheckDistances, CheckStructure as CheckStructure
from .field_points import (
    FieldPoints as FieldPoints,
    GivenPoints as GivenPoints,
    GridPoints as GridPoints,
)
from .offsets import AddOffsets as AddOffsets, RemoveOffsets as RemoveOffsets
from .precision import cast_to as cast_to
