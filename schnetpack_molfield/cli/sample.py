"""`molfield sample`: molecules drawn from a prior over latents."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schnetpack_molfield.cli.outputs import say

if TYPE_CHECKING:
    from schnetpack_molfield.generation.requests import SampleRequest

__all__ = ["sample"]

Model = Annotated[
    Path,
    typer.Argument(help="A trained prior: 'best_model', *.safetensors, or the folder of a run."),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out", "-o", help="What to write, by its ending: .extxyz, .sdf or .db; with latents."
    ),
]
Number = Annotated[int, typer.Option("--n", "-n", help="How many.")]
Composition = Annotated[
    str | None,
    typer.Option(metavar="FORMULA", help="C7H10O2. Without it: as often as in the training data."),
]
Charts = Annotated[int | None, typer.Option(help="Number of heavy atoms, instead.")]
Properties = Annotated[
    list[str],
    typer.Option(
        "--property", "-p", metavar="NAME=VALUE[UNIT]", help="homo=-6.5eV; repeat for more."
    ),
]
Steps = Annotated[int, typer.Option(help="Steps of the sampler.")]
SamplerName = Annotated[str, typer.Option("--sampler", help="euler, heun or ancestral.")]
Guidance = Annotated[
    float, typer.Option(help="Weight of what is asked for; above 1 exaggerates, at twice the time.")
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed draws the same samples.")]
Device = Annotated[str, typer.Option(help="Where to compute: cpu or cuda.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that exists; start anew.")]


def sample(
    model: Model,
    out: Out,
    n: Number = 1000,
    composition: Composition = None,
    charts: Charts = None,
    property: Properties = [],  # noqa: B006 (typer reads it)
    steps: Steps = 20,
    sampler: SamplerName = "euler",
    guidance: Guidance = 1.0,
    seed: Seed = 0,
    device: Device = "cpu",
    force: Force = False,
) -> None:
    """Draw molecules: latents from the prior, functions from latents, atoms from functions.

    What was made is kept when it is interrupted, and the same command continues. Every sample
    carries its latent: `molfield field samples.extxyz@3 --model MODEL` shows its function.
    """
    from schnetpack_molfield.checks import check_device, check_new_file
    from schnetpack_molfield.generation.requests import (
        SampleRequest,
        check_counts,
        parse_composition,
        parse_property,
    )
    from schnetpack_molfield.generation.sample_files import ENDINGS
    from schnetpack_molfield.model_files import find_model_file

    check_new_file(out, ENDINGS, force)
    request = SampleRequest(
        n=n,
        composition=None if composition is None else parse_composition(composition),
        n_charts=charts,
        properties={name: (value, unit) for name, value, unit in map(parse_property, property)},
        n_steps=steps,
        sampler=sampler,
        guidance=guidance,
        seed=seed,
    )
    check_counts(request)
    file = find_model_file(model)
    _draw(file, request, check_device(device), out, force)
    say(f"wrote {out}")


def _draw(file: Path, request: "SampleRequest", device: str, out: Path, force: bool) -> None:
    import hashlib

    from schnetpack_molfield.generation.model import load_prior
    from schnetpack_molfield.generation.sample_files import SampleFile
    from schnetpack_molfield.generation.sampling import SampleDrawer
    from schnetpack_molfield.progress import watched

    drawer = SampleDrawer(load_prior(file), request, device)
    for line in drawer.warnings:
        say(f"warning: {line}", stderr=True)
    mark = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    samples_file = SampleFile(out, {"model": mark, **asdict(request)}, force)
    samples = []
    try:
        for number in watched(range(drawer.n_blocks), f"{request.n} samples, by blocks"):
            samples += samples_file.block(number, drawer.molecules)
    except KeyboardInterrupt:
        say(
            f"interrupted after {len(samples)} of {request.n} samples; the same command continues",
            stderr=True,
        )
        raise
    samples_file.finish(samples)
