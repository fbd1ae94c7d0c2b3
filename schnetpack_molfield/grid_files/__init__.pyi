"""Files of values on regular grids, those of other programs and of this one."""

from .endings import WRITTEN as WRITTEN
from .formats import (
    is_grid_file as is_grid_file,
    nearest_grid as nearest_grid,
    read_volume as read_volume,
    write_volume as write_volume,
)
from .of_field import write_field as write_field
from .volume import Volume as Volume
