"""Files of values on regular grids, those of other programs and of this one."""

from schnetpack_molfield.grid_files.formats import (
    WRITTEN,
    is_grid_file,
    nearest_grid,
    read_volume,
    write_volume,
)
from schnetpack_molfield.grid_files.of_field import write_field
from schnetpack_molfield.grid_files.volume import Volume

__all__ = [
    "WRITTEN",
    "Volume",
    "is_grid_file",
    "nearest_grid",
    "read_volume",
    "write_field",
    "write_volume",
]
