"""`molfield check`: what a trained model's representation keeps of a potential's promises."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from schnetpack_molfield.testing import Measurement

__all__ = ["check"]

Model = Annotated[Path, typer.Argument(help="A file 'best_model' or the folder of a run.")]
Without = Annotated[
    list[str],
    typer.Option(
        help="Leave out the promises that this kind of model doesn't make: checks_input, periodic, "
        "scriptable, size_extensive; repeat for more."
    ),
]


def check(model: Model, without: Without = ["checks_input"]) -> None:  # noqa: B006 (typer reads it)
    """Measure symmetry, derivatives, continuity, locality and persistence of a model.

    With its own representation, a fixed read-out, and molecules and paths that are hard: in a
    minute or two. Ends with status 1 if a promise is broken.
    """
    from schnetpack_molfield.model_files import load_model_file
    from schnetpack_molfield.testing import validate_representation

    representation = load_model_file(model).representation
    try:
        measurements = validate_representation(representation, without)
    except KeyError as error:
        raise ValueError(
            f"a {type(representation).__name__} has no features of atoms, as a potential's "
            f"representation has (no {error}); there is nothing to check"
        ) from error
    Console().print(_table(measurements))
    broken = [measurement for measurement in measurements if not measurement.kept]
    if broken:
        raise ValueError(f"{len(broken)} of {len(measurements)} promises are broken")


def _table(measurements: "list[Measurement]") -> Table:
    table = Table("promise", "precision", "worst case", "error", "limit", "")
    for m in measurements:
        verdict = "kept" if m.kept else "[bold red]BROKEN[/]"
        precision = str(m.dtype).removeprefix("torch.")
        table.add_row(m.promise, precision, m.case, f"{m.error:.1e}", f"{m.limit:.0e}", verdict)
    return table
