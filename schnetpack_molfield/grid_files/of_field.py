"""Fields asked on a grid and written into a file."""

from __future__ import annotations

from pathlib import Path

from schnetpack_molfield.fields.around_atoms import FieldAroundAtoms
from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.fields.units import cube_unit
from schnetpack_molfield.grid_files.endings import ALL_CHANNELS, CUBES
from schnetpack_molfield.grid_files.formats import write_volume
from schnetpack_molfield.grid_files.volume import Volume

__all__ = ["write_field"]


def write_field(
    path: str | Path,
    field: FieldAroundAtoms,
    grid: Grid,
    channel: str | None = None,
    units: str | None = None,
) -> None:
    """Write a field on a grid in the format of the file's ending.

    Args:
        path: file to write; one that exists is overwritten.
        field: the field.
        grid: where to ask it; best the `nearest_grid` of the format.
        channel: name of the channel; may be left out if there is only one. In .npz and .vti files
            all channels are written without it.
        units: unit of the channel in the file, in place of its own, or of the custom in cubes.

    Raises:
        ValueError: if the channel's unit can't be converted to `units`, or there is no channel.
    """
    path = Path(path)
    if channel is None and path.suffix.lower() in ALL_CHANNELS and units is None:
        columns = list(range(len(field.channels)))
    else:
        columns = [field.index(channel)]
    names = [field.channels[column] for column in columns]
    if units is None and path.suffix.lower() in CUBES:
        units = cube_unit(field.units[names[0]])
    asked = field if units is None else field.in_units(units, names[0])
    values = asked(grid.points).numpy(force=True)[:, columns]
    values = values.reshape(*grid.shape, len(columns))  # (nx, ny, nz, n_channels)
    written = [asked.units[name] for name in names]
    write_volume(path, Volume(grid, values, names, written, field.atoms))
