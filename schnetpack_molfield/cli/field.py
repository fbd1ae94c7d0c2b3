"""`molfield field`: a learned field of a molecule as a grid, a surface or a picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from ase import Atoms

    from schnetpack_molfield.fields import MolecularField

MESHES = (".ply", ".obj", ".glb", ".stl")
PICTURES = (".png", ".pdf", ".svg")
CUBES = (".cube", ".cub")

Structure = Annotated[
    Path, typer.Argument(help="The molecule: XYZ, PDB, SDF or any other file that ASE reads.")
]
Model = Annotated[
    Path, typer.Option("--model", "-m", help="A file 'best_model' or the folder of a run.")
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        help="What to write, by its ending: .cube a grid for viewers, .npz all channels on a grid, "
        ".ply, .obj, .glb or .stl the surface at --level, .png, .pdf or .svg a slice, or with "
        "--level a surface in 3-D.",
    ),
]
Channel = Annotated[
    str | None, typer.Option("--channel", "-c", help="May be left out if there is only one.")
]
Level = Annotated[float | None, typer.Option(help="Value of the channel on the surface.")]
Spacing = Annotated[float, typer.Option(help="Distance between grid points in Angstrom.")]
Margin = Annotated[float, typer.Option(help="Distance of the walls from the atoms in Angstrom.")]
Time = Annotated[
    float | None,
    typer.Option(help="For a function of point and time; the structure says where to look."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]


def field(
    structure: Structure,
    model: Model,
    out: Out,
    channel: Channel = None,
    level: Level = None,
    spacing: Spacing = 0.2,
    margin: Margin = 4.0,
    time: Time = None,
    force: Force = False,
) -> None:
    """Ask a trained model for the field of a molecule and write it."""
    from schnetpack_molfield.fields import MolecularField
    from schnetpack_molfield.fields.checks import check_new_file

    check_new_file(out, (*CUBES, ".npz", *MESHES, *PICTURES), force)
    learned = MolecularField.from_model(model, _read(structure), time=time)
    suffix = out.suffix.lower()
    if suffix in CUBES:
        learned.to_cube(out, channel, spacing, margin, force)
    elif suffix == ".npz":
        _write_arrays(out, learned, channel, spacing, margin)
    elif suffix in MESHES:
        learned.to_mesh(out, channel, level or 0.0, spacing, margin, force)
    elif level is None:
        learned.picture(out, channel, spacing=spacing, force=force)
    else:
        learned.render(out, channel, level, spacing, margin, force)
    Console().print(f"wrote {out}", soft_wrap=True, highlight=False)


def _read(structure: Path) -> "Atoms":
    """The only or the last structure of a file."""
    import ase.io
    from ase import Atoms

    if not structure.is_file():
        raise FileNotFoundError(f"{structure} isn't a file")
    try:
        atoms = ase.io.read(structure)
    except Exception as error:  # ASE's readers raise whatever comes up in them
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{structure} can't be read as a structure ({reason})") from error
    if not isinstance(atoms, Atoms) or len(atoms) == 0:
        raise ValueError(f"{structure} has no atoms")
    return atoms


def _write_arrays(
    out: Path, learned: "MolecularField", channel: str | None, spacing: float, margin: float
) -> None:
    """The grid, the channels on it and the molecule, as an archive of arrays."""
    import numpy as np

    channels = learned.channels if channel is None else [channel]
    columns = [learned.index(name) for name in channels]
    grid, values = learned.grid(spacing, margin)
    np.savez_compressed(
        out,
        Z=learned.atoms.numbers,
        R=learned.atoms.positions,
        origin_A=grid.origin,
        steps_A=grid.steps,
        values=values.numpy(force=True)[..., columns],  # (nx, ny, nz, n_channels)
        channels=channels,
        units=[learned.units[name] for name in channels],
    )
