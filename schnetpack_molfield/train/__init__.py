"""Losses, metrics and callbacks."""

from schnetpack_molfield.train.callbacks import ModelRecord, PrintTestErrors, PrintUsage
from schnetpack_molfield.train.losses import (
    EikonalLoss,
    NormalLoss,
    RelativeL1,
    RelativeL2,
    SurfaceLoss,
    WeightPoints,
)
from schnetpack_molfield.train.metrics import IntersectionOverUnion, RelativeError
from schnetpack_molfield.train.record import attach_record, make_record, read_record

__all__ = [
    "EikonalLoss",
    "IntersectionOverUnion",
    "ModelRecord",
    "NormalLoss",
    "PrintTestErrors",
    "PrintUsage",
    "RelativeError",
    "RelativeL1",
    "RelativeL2",
    "SurfaceLoss",
    "WeightPoints",
    "attach_record",
    "make_record",
    "read_record",
]
