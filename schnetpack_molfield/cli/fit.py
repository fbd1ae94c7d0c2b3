"""`molfield fit`: one molecule, complex or ensemble as a continuous function."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from schnetpack_molfield.cli.outputs import output_files, say, short_names

if TYPE_CHECKING:
    from schnetpack_molfield.fit.field_fit import FieldFit
    from schnetpack_molfield.fit.task import FitTask

__all__ = ["fit"]

Structures = Annotated[
    list[str],
    typer.Argument(
        help="PDB, mmCIF, SDF, XYZ or any other file that ASE reads, with one or several models "
        "or frames of the same atoms; or a SMILES string. Several structures are fitted one by one."
    ),
]
LengthUnit = Annotated[
    str | None,
    typer.Option(
        "--length-unit", help="Unit of the file's positions: Ang (as they are taken), bohr or nm."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        help="The file to write, FILE.pt. Without it: the name of the structure's file in this "
        "folder, fit.pt for a SMILES. The names of several structures are added to it.",
    ),
]
Channels = Annotated[
    str | None,
    typer.Option(
        "--channels",
        "-c",
        help="Channels with commas between: an element or several (C,N+O), protein or ligand, or "
        "elements of one of them (protein:C,ligand:C). Without it: all elements, of protein and "
        "ligand apart.",
    ),
]
NumGrid = Annotated[
    int, typer.Option("--grid", help="Sample points along the longest side of the box.")
]
Margin = Annotated[float, typer.Option(help="Distance of the box from the atoms in Angstrom.")]
Beta = Annotated[float, typer.Option(help="Inverse width of an atom's edge.")]
Charts = Annotated[
    str,
    typer.Option(help="learned: the fit sees only the samples; atom: charts start at the atoms."),
]
Cutoff = Annotated[float, typer.Option(help="Radius of a chart in Angstrom.")]
Steps = Annotated[int, typer.Option(min=20, help="Steps of the optimizer.")]
Seed = Annotated[int, typer.Option(help="Seed of weights and samples.")]
Device = Annotated[str, typer.Option(help="Where to compute: cpu or cuda.")]
Finer = Annotated[
    bool,
    typer.Option(
        "--finer/--no-finer",
        help="Measure the error on a grid that is four times finer, too; that takes longer than a "
        "short fit.",
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the fit in the file.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]


def fit(
    structures: Structures,
    length_unit: LengthUnit = None,
    out: Out = None,
    channels: Channels = None,
    grid: NumGrid = 32,
    margin: Margin = 3.0,
    beta: Beta = 2.0,
    charts: Charts = "learned",
    cutoff: Cutoff = 3.5,
    steps: Steps = 1500,
    seed: Seed = 0,
    device: Device = "cpu",
    finer: Finer = True,
    resume: Resume = False,
    force: Force = False,
) -> None:
    """Fit a continuous function to samples of a structure's field on a coarse grid.

    Ctrl-C stops the fit; the file holds the best so far, and --resume continues. Ask it at any
    resolution by `molfield field --model FILE.pt`.
    """
    from schnetpack_molfield.checks import check_device, check_new_file, check_positive
    from schnetpack_molfield.text_files import check_structure_file

    files = output_files(out, structures) if out else _default_files(structures)
    for file in files:
        check_new_file(file, [".pt"], force or resume)
    check_positive("cutoff", cutoff)
    for structure in structures:
        check_structure_file(structure)

    from schnetpack_molfield.datasets.molecules import read_molecules
    from schnetpack_molfield.fit.channels import default_channels
    from schnetpack_molfield.fit.inputs import check_inputs

    families = [read_molecules(structure, length_unit) for structure in structures]
    names = [channels.split(",") if channels else default_channels(f[0]) for f in families]
    for frames, wanted in zip(families, names, strict=True):
        check_inputs(frames, wanted, grid, charts)
    device = check_device(device)

    from schnetpack_molfield.fit.field_fit import FitOptions
    from schnetpack_molfield.fit.task import FitTask

    options = FitOptions(n_steps=steps, cutoff=cutoff, seed=seed)
    for structure, file, frames, wanted in zip(structures, files, families, names, strict=True):
        task = FitTask(frames, wanted, grid, margin, beta, charts, options)
        _fit_one(structure, file, task, device, resume, finer)


def _default_files(structures: list[str]) -> list[Path]:
    """Names in this folder: those of the structures' files, or `fit.pt` for one SMILES."""
    if len(structures) == 1 and not os.path.isfile(structures[0]):
        return [Path("fit.pt")]
    return [Path(f"{name}.pt") for name in short_names(structures)]


def _fit_one(
    structure: str, file: Path, task: "FitTask", device: str, resume: bool, finer: bool
) -> None:
    from schnetpack_molfield.fit.files import resume_fit

    _describe(structure, task)
    running = task.start(device)
    if resume:
        resume_fit(file, task, running)
    _run(file, task, running)
    _report(file, task, running, finer)


def _describe(structure: str, task: "FitTask") -> None:
    atoms = task.frames[0]
    waters = atoms.info.get("n_waters", 0)
    left_out = f", waters left out: {waters}" if waters else ""
    nx, ny, nz = task.grid().shape
    say(
        f"{structure}: {len(task.frames)} x {len(atoms)} atoms{left_out}; "
        f"{len(task.channels)} channels on {nx} x {ny} x {nz} points"
    )


def _run(out: Path, task: "FitTask", running: "FieldFit") -> None:
    """Fit with a progress bar; the file is replaced after every check of the error."""
    from rich.progress import Progress

    from schnetpack_molfield.fit.files import save_fit_file

    saved = running.step
    with Progress(console=Console(stderr=True)) as bar:
        shown = bar.add_task("fit", total=running.options.n_steps, completed=saved)
        try:
            for step, psnr in running.run():
                save_fit_file(out, task, running)
                saved = step
                bar.update(shown, completed=step, description=f"PSNR {psnr:.1f} dB")
        except KeyboardInterrupt:
            bar.stop()
            say(f"stopped; {_kept(out, saved)}")
            raise typer.Exit(130) from None


def _kept(out: Path, step: int) -> str:
    if step == 0:
        return "there was nothing to write yet"
    return f"{out} holds the fit after {step} steps, --resume continues it"


def _report(out: Path, task: "FitTask", running: "FieldFit", finer: bool) -> None:
    with Console(stderr=True).status("measuring the error"):
        measured = task.errors(running, finer)
    errors = [f"{value:.1f} dB on the {name}" for name, value in measured.items()]
    say(f"wrote {out}; PSNR {', '.join(errors)}")
