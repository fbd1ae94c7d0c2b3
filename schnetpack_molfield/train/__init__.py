"""Losses, metrics and callbacks."""

from schnetpack_molfield.model_files import attach_record, read_record
from schnetpack_molfield.train.callbacks import ModelRecord
from schnetpack_molfield.train.losses import (
    EikonalLoss,
    NormalLoss,
    RelativeL1,
    RelativeL2,
    SurfaceLoss,
    WeightPoints,
)
from schnetpack_molfield.train.metrics import IntersectionOverUnion, RelativeL2Error, TensorError
from schnetpack_molfield.train.record import field_units, make_record
from schnetpack_molfield.train.results import RecordResults, RunResults
from schnetpack_molfield.train.summary import PrintSummary
from schnetpack_molfield.train.threads import ChooseThreads

__all__ = [
    "ChooseThreads",
    "EikonalLoss",
    "IntersectionOverUnion",
    "ModelRecord",
    "NormalLoss",
    "PrintSummary",
    "RecordResults",
    "RelativeL1",
    "RelativeL2",
    "RelativeL2Error",
    "RunResults",
    "SurfaceLoss",
    "TensorError",
    "WeightPoints",
    "attach_record",
    "field_units",
    "make_record",
    "read_record",
]
