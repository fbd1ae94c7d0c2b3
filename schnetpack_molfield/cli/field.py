"""`molfield field`: a learned field of a molecule as a grid, a surface or a picture."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schnetpack_molfield.cli.frames import field_of_sample, read_structure, split_frame
from schnetpack_molfield.cli.grids import confirm_grid, confirm_slice
from schnetpack_molfield.cli.look import (
    Camera,
    Center,
    Colormap,
    Dpi,
    Levels,
    Limits,
    Normal,
    Size,
    Width,
    numbers,
)
from schnetpack_molfield.cli.outputs import output_files, say
from schnetpack_molfield.grid_files.endings import WRITTEN
from schnetpack_molfield.model_files import find_model_file
from schnetpack_molfield.shipped_models import shipped_models
from schnetpack_molfield.text_files import check_structure_file

if TYPE_CHECKING:
    from ase import Atoms

    from schnetpack_molfield.fields import MolecularField
    from schnetpack_molfield.fit.fitted_fields import FittedFields

__all__ = ["field"]

MESHES = (".ply", ".obj", ".glb", ".stl")
PICTURES = (".png", ".pdf", ".svg")

Structures = Annotated[
    list[str] | None,
    typer.Argument(
        help="The molecule: PDB, mmCIF, SDF, XYZ or any other file that ASE reads (the last of "
        "several models; FILE@3 is the fourth), or a SMILES string. Several are written one by "
        "one, and their names go into those of the files. A file of `molfield fit` needs none."
    ),
]
Model = Annotated[
    Path | None,
    typer.Option(
        "--model",
        "-m",
        help="A file 'best_model', the folder of a run, a file of `molfield fit`, or the name of a "
        "model that comes along. Without it: 'density', where that comes along.",
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        help="What to write, by its ending: .cube, .dx, .ccp4, .mrc or .map a grid for other "
        "programs, .vti and .npz all channels on a grid, .ply, .obj, .glb or .stl the surface at "
        "--level, .png, .pdf or .svg a slice, or with --level a surface in 3-D.",
    ),
]
LengthUnit = Annotated[
    str | None,
    typer.Option(
        "--length-unit", help="Unit of the file's positions: Ang (as they are taken), bohr or nm."
    ),
]
Charge = Annotated[
    int | None,
    typer.Option(help="Total charge in e. Without it: the one the file or the SMILES states."),
]
Channel = Annotated[
    str | None,
    typer.Option(
        "--channel",
        "-c",
        help="May be left out if there is only one. Or what follows from a density: esp, "
        "electric_field (_x, _y, _z), laplacian, reduced_gradient, contacts, signed_density, "
        "deformation.",
    ),
]
Level = Annotated[float | None, typer.Option(help="Value of the channel on the surface.")]
ColorBy = Annotated[
    str | None,
    typer.Option(help="A quantity, as for --channel, that colours the surface at --level."),
]
Units = Annotated[
    str | None,
    typer.Option(
        help="Unit of the values and of --level, for example e/bohr^3. Without it: the channel's "
        "own; in cube files what programs expect there (e/bohr^3, Ha/e, 1/bohr^1.5)."
    ),
]
Spacing = Annotated[
    float | None,
    typer.Option(
        help="Distance between grid points in Angstrom. Without it: 0.2, or 0.05 in a slice."
    ),
]
Margin = Annotated[float, typer.Option(help="Distance of the walls from the atoms in Angstrom.")]
Time = Annotated[
    float | None,
    typer.Option(help="For a function of point and time; the structure says where to look."),
]
Member = Annotated[
    int | None, typer.Option(help="For a fitted ensemble: number of the model or frame, from 0.")
]
Device = Annotated[str, typer.Option(help="Where to compute: cpu or cuda.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]


def field(
    out: Out,
    structures: Structures = None,
    model: Model = None,
    length_unit: LengthUnit = None,
    charge: Charge = None,
    channel: Channel = None,
    level: Level = None,
    color_by: ColorBy = None,
    units: Units = None,
    spacing: Spacing = None,
    margin: Margin = 4.0,
    time: Time = None,
    member: Member = None,
    device: Device = "cpu",
    force: Force = False,
    limits: Limits = None,
    levels: Levels = None,
    colormap: Colormap = None,
    center: Center = None,
    normal: Normal = None,
    size: Size = None,
    camera: Camera = None,
    width: Width = 6.0,
    dpi: Dpi = 200,
) -> None:
    """Ask a trained or fitted model for the field of molecules and write it."""
    from schnetpack_molfield.checks import check_device, check_new_file

    model = _default_model() if model is None else model
    names = structures or []
    files = output_files(out, names)
    for file in files:
        check_new_file(file, (*WRITTEN, *MESHES, *PICTURES), force)
    step = 0.2 if spacing is None else spacing
    _check_numbers(step, size, level)
    slice_look: dict[str, Any] = {
        "center": numbers(3, "--center", center),
        "normal": numbers(3, "--normal", normal),
        "limits": numbers(2, "--limits", limits),
        "levels": numbers(None, "--levels", levels),
        "spacing": spacing or 0.05,
        "size": size,
        "colormap": colormap,
    }
    surface_look: dict[str, Any] = {"camera": numbers(3, "--camera", camera)}
    _check_colors(files[0], level, color_by)
    look = (slice_look if level is None else surface_look) | {"width": width, "dpi": dpi}
    find_model_file(model)
    for name in names:
        check_structure_file(split_frame(name)[0])
    molecules = [(name, _read(name, length_unit, charge)) for name in names]
    fields = _ask(model, molecules, time, member, check_device(device))
    on_grid = files[0].suffix.lower() not in PICTURES or level is not None
    for file, learned in zip(files, fields, strict=True):
        if on_grid:
            _confirm(learned, step, margin)
        else:
            place = {name: slice_look[name] for name in ("size", "spacing", "center", "normal")}
            confirm_slice(learned.atoms.positions, **place)
        shown = learned if channel is None else learned.quantity(channel)
        shown = shown if units is None else shown.in_units(units)
        colors: dict[str, Any] = {}
        if color_by is not None:
            colors = {"color_by": learned.quantity(color_by), "color_limits": slice_look["limits"]}
        _write(file, shown, level, units, step, margin, force, look, colors)
        say(f"wrote {file}")


def _default_model() -> Path:
    if "density" not in shipped_models():
        raise ValueError("name a model, --model FILE: no model of densities comes along")
    return Path("density")


def _check_numbers(spacing: float, size: float | None, level: float | None) -> None:
    from schnetpack_molfield.checks import check_positive

    check_positive("--spacing", spacing)
    if size is not None:
        check_positive("--size", size)
    if level is not None and not math.isfinite(level):
        raise ValueError(f"--level must be a number, got {level}")


def _check_colors(file: Path, level: float | None, color_by: str | None) -> None:
    """Raise ValueError for colours of what has no surface."""
    if color_by is None:
        return
    if file.suffix.lower() not in (*MESHES, *PICTURES) or level is None:
        raise ValueError(
            "--color-by colours a surface: give --level, and a picture or mesh to write"
        )


def _confirm(learned: "MolecularField", step: float, margin: float) -> None:
    from schnetpack_molfield.fields import Grid

    confirm_grid(Grid.around(learned.atoms.positions, step, margin))


def _write(
    file: Path,
    shown: "MolecularField",
    level: float | None,
    units: str | None,
    step: float,
    margin: float,
    force: bool,
    look: dict[str, Any],
    colors: dict[str, Any],
) -> None:
    """Write a field in the format of the file's ending; `look` is that of a picture."""
    suffix = file.suffix.lower()
    if suffix in WRITTEN:
        shown.to_grid(file, None, step, margin, force, units)
    elif suffix in MESHES:
        shown.to_mesh(file, None, level or 0.0, step, margin, force, **colors)
    elif level is None:
        shown.picture(file, force=force, **look)
    else:
        shown.render(file, None, level, step, margin, force, **look, **colors)


def _ask(
    model: Path,
    molecules: "Sequence[tuple[str, Atoms | None]]",
    time: float | None,
    member: int | None,
    device: str,
) -> "Iterator[MolecularField]":
    """The fields of a trained model for each molecule, or that of a file of `molfield fit`."""
    from schnetpack_molfield.fields import MolecularField
    from schnetpack_molfield.model_files import load_model_file

    fitted = _fitted(model)
    if fitted is not None:
        if molecules or time is not None:
            raise ValueError(f"{model} knows its structures: leave out structure and --time")
        yield fitted.field(member or 0, device=device)
        return
    if member is not None:
        raise ValueError(f"{model} isn't a file of molfield fit: leave out --member")
    trained = load_model_file(model)
    for name, atoms in molecules or [("", None)]:
        try:
            sampled = field_of_sample(trained, atoms, device)
            yield sampled or MolecularField.from_model(trained, atoms, device=device, time=time)
        except ValueError as error:
            raise ValueError(f"{name}: {error}" if len(molecules) > 1 else str(error)) from error


def _fitted(model: Path) -> "FittedFields | None":
    """What is in a file of `molfield fit`; None if it isn't one."""
    from schnetpack_molfield.fit.files import NotAFitError
    from schnetpack_molfield.fit.fitted_fields import FittedFields

    try:
        return FittedFields.load(find_model_file(model))
    except NotAFitError:
        return None


def _read(structure: str, length_unit: str | None, charge: int | None) -> "Atoms":
    """A structure with its charge."""
    atoms = read_structure(structure, length_unit)
    if charge is not None:
        atoms.info["charge"] = charge
    if n_waters := atoms.info.get("n_waters"):
        say(f"{structure}: waters left out: {n_waters}")
    return atoms
