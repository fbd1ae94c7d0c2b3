"""`molfield interpolate`: a fitted ensemble between two of its members, as a series of fields."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schnetpack_molfield.cli.grids import confirm_grid
from schnetpack_molfield.cli.outputs import CUBES, say

if TYPE_CHECKING:
    from schnetpack_molfield.fields import Grid, MolecularField

__all__ = ["interpolate"]

Fitted = Annotated[Path, typer.Argument(help="A file of `molfield fit` with several members.")]
Start = Annotated[int, typer.Option("--from", help="Number of the first member, from 0.")]
End = Annotated[int, typer.Option("--to", help="Number of the last member.")]
Steps = Annotated[int, typer.Option(min=2, help="Number of fields, both ends counted in.")]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        help="What to write, by its ending: .npz all fields in one archive, .cube a numbered file "
        "for each (morph.cube: morph_000.cube and so on).",
    ),
]
Channel = Annotated[
    str | None, typer.Option("--channel", "-c", help="For .cube; .npz has all without it.")
]
Spacing = Annotated[float, typer.Option(help="Distance between grid points in Angstrom.")]
Margin = Annotated[float, typer.Option(help="Distance of the walls from the atoms in Angstrom.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]


def interpolate(
    fitted: Fitted,
    out: Out,
    start: Start = 0,
    end: End = 1,
    steps: Steps = 11,
    channel: Channel = None,
    spacing: Spacing = 0.5,
    margin: Margin = 3.0,
    force: Force = False,
) -> None:
    """Write the fields along the line between the latents of two members, on one grid."""
    from schnetpack_molfield.checks import check_new_file, check_positive

    archive = out.suffix.lower() == ".npz"
    files = [out] if archive else _numbered(out, steps)
    for file in files:
        check_new_file(file, (".npz", *CUBES), force)
    check_positive("spacing", spacing)
    if not fitted.is_file():
        raise FileNotFoundError(f"{fitted} isn't a file")

    import numpy as np

    from schnetpack_molfield.fields import Grid
    from schnetpack_molfield.fit.fitted_fields import FittedFields

    family = FittedFields.load(fitted)
    fields = [family.between(start, end, s) for s in np.linspace(0, 1, steps)]
    if not archive or channel is not None:
        channel = fields[0].channels[fields[0].index(channel)]
    positions = np.concatenate([field.atoms.positions for field in fields])
    grid = Grid.around(positions, spacing, margin)
    confirm_grid(grid, steps if archive else 1)
    if archive:
        _write_arrays(out, fields, grid, channel)
    else:
        _write_cubes(files, fields, grid.as_written_in_cube(), channel)
    last = "" if len(files) == 1 else f" to {files[-1]}"
    say(f"wrote {files[0]}{last}")


def _numbered(out: Path, steps: int) -> list[Path]:
    """Names of the files of all steps."""
    return [out.with_name(f"{out.stem}_{step:03d}{out.suffix}") for step in range(steps)]


def _write_arrays(
    out: Path, fields: list["MolecularField"], grid: "Grid", channel: str | None
) -> None:
    """The grid, one or all channels of all fields on it and their atoms, in one archive."""
    import numpy as np

    from schnetpack_molfield.new_files import replace_when_complete
    from schnetpack_molfield.progress import watched

    channels = fields[0].channels if channel is None else [channel]
    columns = [fields[0].index(name) for name in channels]
    values = [f(grid.points)[:, columns].numpy() for f in watched(fields, "fields")]
    with replace_when_complete(out) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            Z=fields[0].atoms.numbers,
            R=np.stack([field.atoms.positions for field in fields]),  # (n_fields, n_atoms, 3)
            origin_A=grid.origin,
            steps_A=grid.steps,
            values=np.stack(values).reshape(len(fields), *grid.shape, -1),
            channels=channels,
        )


def _write_cubes(
    files: list[Path], fields: list["MolecularField"], grid: "Grid", channel: str | None
) -> None:
    """One channel of every field, each in a cube file with its atoms."""
    from schnetpack_molfield.grid_files import write_field
    from schnetpack_molfield.progress import watched

    for file, field in zip(files, watched(fields, "fields"), strict=True):
        write_field(file, field, grid, channel)
