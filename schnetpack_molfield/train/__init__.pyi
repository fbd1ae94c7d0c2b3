"""Losses, metrics and callbacks."""

from .callbacks import ModelRecord as ModelRecord
from .losses import (
    EikonalLoss as EikonalLoss,
)
from .losses import (
    NormalLoss as NormalLoss,
)
from .losses import (
    RelativeL1 as RelativeL1,
)
from .losses import (
    RelativeL2 as RelativeL2,
)
from .losses import (
    SurfaceLoss as SurfaceLoss,
)
from .losses import (
    WeightPoints as WeightPoints,
)
from .metrics import IntersectionOverUnion as IntersectionOverUnion
from .metrics import RelativeError as RelativeError
from .record import field_units as field_units
from .record import make_record as make_record
from .results import RecordResults as RecordResults
from .results import RunResults as RunResults
from .schnetpack_molfield.model_files import (
    attach_record as attach_record,
)
from .schnetpack_molfield.model_files import (
    read_record as read_record,
)
from .summary import PrintSummary as PrintSummary
from .threads import ChooseThreads as ChooseThreads
