"""Losses, metrics and callbacks."""

from .callbacks import ModelRecord as ModelRecord, attach_record as attach_record
from .losses import (
    EikonalLoss as EikonalLoss,
    NormalLoss as NormalLoss,
    RelativeL1 as RelativeL1,
    RelativeL2 as RelativeL2,
    SurfaceLoss as SurfaceLoss,
    WeightPoints as WeightPoints,
)
from .metrics import (
    IntersectionOverUnion as IntersectionOverUnion,
    RelativeL2Error as RelativeL2Error,
    TensorError as TensorError,
)
from .rates import GroupRates as GroupRates
from .record import field_units as field_units, make_record as make_record
from .results import (
    RecordResults as RecordResults,
    RunResults as RunResults,
    read_record as read_record,
)
from .start import trained_model as trained_model
from .summary import PrintSummary as PrintSummary
from .threads import ChooseThreads as ChooseThreads
