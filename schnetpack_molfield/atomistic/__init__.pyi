"""Output modules that query or pool a molecular field."""

from .core_repulsion import CoreRepulsion as CoreRepulsion
from .corrected_fields import (
    ElectronDensity as ElectronDensity,
    ElectronQuadrature as ElectronQuadrature,
    SignedDistance as SignedDistance,
)
from .field_readout import FieldReadout as FieldReadout
from .field_value import FieldValue as FieldValue
from .learned_distance import LearnedDistance as LearnedDistance
from .spatial_extent import ElectronicSpatialExtent as ElectronicSpatialExtent
from .vector_value import VectorValue as VectorValue
