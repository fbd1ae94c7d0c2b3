"""Output modules that query or pool a molecular field."""

from schnetpack_molfield.atomistic.corrected_fields import (
    ElectronDensity,
    ElectronQuadrature,
    SignedDistance,
)
from schnetpack_molfield.atomistic.field_readout import FieldReadout
from schnetpack_molfield.atomistic.field_value import FieldValue
from schnetpack_molfield.atomistic.learned_distance import LearnedDistance
from schnetpack_molfield.atomistic.spatial_extent import ElectronicSpatialExtent
from schnetpack_molfield.atomistic.vector_value import VectorValue

__all__ = [
    "ElectronDensity",
    "ElectronQuadrature",
    "ElectronicSpatialExtent",
    "FieldReadout",
    "FieldValue",
    "LearnedDistance",
    "SignedDistance",
    "VectorValue",
]
