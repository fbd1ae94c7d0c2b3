"""`molfield interpolate`: between members of a fit, or molecules, as a series of fields."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schnetpack_molfield.cli.frames import split_frame
from schnetpack_molfield.cli.grids import confirm_grid
from schnetpack_molfield.cli.latent_steps import ENDINGS, fields_between
from schnetpack_molfield.cli.outputs import say
from schnetpack_molfield.grid_files.endings import CUBES
from schnetpack_molfield.model_files import find_model_file
from schnetpack_molfield.progress import watched
from schnetpack_molfield.text_files import check_structure_file

if TYPE_CHECKING:
    from schnetpack_molfield.fields import Grid, MolecularField

__all__ = ["interpolate"]

First = Annotated[
    str,
    typer.Argument(
        help="A file of `molfield fit` with several members; or, with a second one, a molecule: a "
        "file, FILE@3, or a SMILES string."
    ),
]
Second = Annotated[str | None, typer.Argument(help="The molecule at the end, with --model.")]
Model = Annotated[
    Path | None,
    typer.Option("--model", "-m", help="An auto-encoder or a prior, for two molecules."),
]
Start = Annotated[int, typer.Option("--from", help="Number of the first member, from 0.")]
End = Annotated[int, typer.Option("--to", help="Number of the last member.")]
Steps = Annotated[int, typer.Option(min=2, help="Number of fields, both ends counted in.")]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        help="What to write, by its ending: .npz all fields in one archive, .cube or .png a "
        "numbered file for each (morph.cube: morph_000.cube and so on), .extxyz the molecules "
        "that are read back, with their latents (for two molecules).",
    ),
]
Channel = Annotated[
    str | None, typer.Option("--channel", "-c", help="For .cube; .npz has all without it.")
]
Spacing = Annotated[float, typer.Option(help="Distance between grid points in Angstrom.")]
Margin = Annotated[float, typer.Option(help="Distance of the walls from the atoms in Angstrom.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]


def interpolate(
    first: First,
    out: Out,
    second: Second = None,
    model: Model = None,
    start: Start = 0,
    end: End = 1,
    steps: Steps = 11,
    channel: Channel = None,
    spacing: Spacing = 0.5,
    margin: Margin = 3.0,
    force: Force = False,
) -> None:
    """Write the fields between two members of a fit, or between two different molecules.

    Along the line between their latents, on one grid. Two molecules need a --model that writes
    latents: every step is a function of its own, from which atoms are read back.
    """
    from schnetpack_molfield.checks import check_new_file, check_positive

    ending = out.suffix.lower()
    files = _numbered(out, steps) if ending in (*CUBES, ".png") else [out]
    for file in files:
        check_new_file(file, (".npz", *CUBES) if second is None else ENDINGS, force)
    check_positive("spacing", spacing)
    fields = _fields(first, second, model, start, end, steps)
    if ending == ".extxyz":
        _write_molecules(out, fields)
    else:
        _write_fields(files, fields, channel, spacing, margin)
    last = "" if len(files) == 1 else f" to {files[-1]}"
    say(f"wrote {files[0]}{last}")


def _fields(
    first: str, second: str | None, model: Path | None, start: int, end: int, steps: int
) -> list["MolecularField"]:
    """The fields of all steps."""
    if second is not None:
        if model is None:
            raise ValueError(
                "two molecules need a model that writes latents: --model FILE; "
                "spktrain experiment=molfield_pretrain trains one"
            )
        for name in (first, second):
            check_structure_file(split_frame(name)[0])
        find_model_file(model)
        return fields_between(model, first, second, steps)
    if model is not None:
        raise ValueError("--model goes with two molecules; a file of molfield fit has its own")
    if not Path(first).is_file():
        raise FileNotFoundError(f"{first} isn't a file")

    import numpy as np

    from schnetpack_molfield.fit.fitted_fields import FittedFields

    family = FittedFields.load(first)
    return [family.between(start, end, s) for s in np.linspace(0, 1, steps)]


def _write_fields(
    files: list[Path],
    fields: list["MolecularField"],
    channel: str | None,
    spacing: float,
    margin: float,
) -> None:
    """Fields on one grid around all of their atoms, or a picture of each."""
    import numpy as np

    from schnetpack_molfield.fields import Grid

    archive = files[0].suffix.lower() == ".npz"
    if not archive or channel is not None:
        channel = fields[0].channels[fields[0].index(channel)]
    if files[0].suffix.lower() == ".png":
        for file, field in zip(files, watched(fields, "pictures"), strict=True):
            field.picture(file, channel, force=True)
        return
    grid = Grid.around(np.concatenate([f.atoms.positions for f in fields]), spacing, margin)
    confirm_grid(grid, len(fields) if archive else 1)
    if archive:
        _write_arrays(files[0], fields, grid, channel)
    else:
        _write_cubes(files, fields, grid.as_written_in_cube(), channel)


def _write_molecules(out: Path, fields: list["MolecularField"]) -> None:
    from schnetpack_molfield.generation.sample_files import write_samples
    from schnetpack_molfield.new_files import replace_when_complete

    with replace_when_complete(out) as partial:
        write_samples(partial, [field.atoms for field in fields])


def _numbered(out: Path, steps: int) -> list[Path]:
    """Names of the files of all steps."""
    return [out.with_name(f"{out.stem}_{step:03d}{out.suffix}") for step in range(steps)]


def _write_arrays(
    out: Path, fields: list["MolecularField"], grid: "Grid", channel: str | None
) -> None:
    """The grid, one or all channels of all fields on it and their atoms, in one archive.

    Atoms of fits are those of every member; of different molecules all stand in one row, and
    `n_atoms` tells how many belong to each.
    """
    import numpy as np

    from schnetpack_molfield.new_files import replace_when_complete

    channels = fields[0].channels if channel is None else [channel]
    columns = [fields[0].index(name) for name in channels]
    values = [f(grid.points)[:, columns].numpy() for f in watched(fields, "fields")]
    with replace_when_complete(out) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            **_atoms_of(fields),
            origin_A=grid.origin,
            steps_A=grid.steps,
            values=np.stack(values).reshape(len(fields), *grid.shape, -1),
            channels=channels,
        )


def _atoms_of(fields: list["MolecularField"]) -> dict[str, Any]:
    """Elements and positions (n_fields, n_atoms, 3), in one row where the molecules differ."""
    import numpy as np

    numbers = [field.atoms.numbers for field in fields]
    positions = [field.atoms.positions for field in fields]
    if all(np.array_equal(numbers[0], other) for other in numbers):
        return {"Z": numbers[0], "R": np.stack(positions)}
    n_atoms = np.array([len(part) for part in numbers])
    return {"Z": np.concatenate(numbers), "R": np.concatenate(positions), "n_atoms": n_atoms}


def _write_cubes(
    files: list[Path], fields: list["MolecularField"], grid: "Grid", channel: str | None
) -> None:
    """One channel of every field, each in a cube file with its atoms."""
    from schnetpack_molfield.grid_files import write_field

    for file, field in zip(files, watched(fields, "fields"), strict=True):
        write_field(file, field, grid, channel)
