"""`molfield check`: what a trained model's representation keeps of a potential's promises."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from torch import nn

    from schnetpack_molfield.testing import Measurement, Promise

#: Exit status for a model that breaks a promise; 1 stands for a model that can't be checked.
BROKEN = 3

__all__ = ["check"]

Model = Annotated[
    Path, typer.Argument(help="A file 'best_model' or *.safetensors, or the folder of a run.")
]
Without = Annotated[
    list[str],
    typer.Option(
        help="Leave out the promises that this kind of model doesn't make: checks_input, periodic, "
        "scriptable, size_extensive; repeat for more. What charts=molecule documents is left out "
        "by itself."
    ),
]


def check(model: Model, without: Without = ["checks_input"]) -> None:  # noqa: B006 (typer reads it)
    """Measure symmetry, derivatives, continuity, locality and persistence of a model.

    With its own representation, a fixed read-out scaled to forces of 1 eV/Angstrom, and molecules
    and paths that are hard: in a minute or two. One line for each promise: the error and the limit
    in single and in double precision, and the worst case. Ends with status 0 if all promises are
    kept, 3 if one is broken, 1 if the model can't be checked.
    """
    from schnetpack_molfield.model_files import find_model_file, load_model_file

    find_model_file(model)

    from schnetpack_molfield.testing.validation import documented_limits, promises

    representation = load_model_file(model).representation
    limits = documented_limits(representation)
    chosen = promises({*without, *limits})
    console = Console(highlight=False, soft_wrap=True)
    if limits:
        console.print(f"not promised by charts=molecule: {', '.join(sorted(limits))}")
    console.print(f"{'promise':28}{'float32':20}{'float64':20}")
    n_broken = 0
    for promise, measurements in _measured(representation, chosen):
        console.print(_line(promise.name, measurements))
        n_broken += any(not measurement.kept for measurement in measurements)
    if n_broken:
        console.print(f"[bold red]{n_broken} of {len(chosen)} promises are broken[/]")
        raise typer.Exit(BROKEN)
    console.print(f"all {len(chosen)} promises are kept")


def _measured(
    representation: "nn.Module", chosen: "list[Promise]"
) -> "Iterator[tuple[Promise, list[Measurement]]]":
    """Measure, and show how many promises are still to come."""
    from schnetpack_molfield.progress import watched
    from schnetpack_molfield.testing.validation import measure

    try:
        yield from watched(measure(representation, chosen), "promises", len(chosen))
    except KeyError as error:
        raise ValueError(
            f"a {type(representation).__name__} has no features of atoms, as a potential's "
            f"representation has (no {error}); there is nothing to check"
        ) from error


def _line(name: str, measurements: "list[Measurement]") -> str:
    """A promise with error and limit in each precision, verdict and worst case."""
    by_precision = {str(m.dtype).removeprefix("torch."): m for m in measurements}
    figures = [
        f"{m.error:.1e} of {m.limit:.0e}" if (m := by_precision.get(precision)) else ""
        for precision in ("float32", "float64")
    ]
    worst = max(measurements, key=lambda m: (not m.kept, m.error))
    verdict = "kept" if worst.kept else "[bold red]BROKEN[/]"
    return f"{name:28}{figures[0]:20}{figures[1]:20}{verdict}, worst: {worst.case}"
