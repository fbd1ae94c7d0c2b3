"""`molfield encoding`: look at what a model has learned about distances."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from schnetpack_molfield.cli.outputs import say
from schnetpack_molfield.model_files import RUN_FILES

if TYPE_CHECKING:
    from schnetpack.model import AtomisticModel

__all__ = ["encoding"]

Models = Annotated[
    list[Path], typer.Argument(help="Trained models: files 'best_model' or folders of runs.")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="The picture, .png, .pdf or .svg.")]
Elements = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,...",
        help="Mark the covalent and van der Waals distances of these. Without it: those the "
        "models were trained on, where they are recorded, or H, C, N, O.",
    ),
]
Pair = Annotated[
    str | None, typer.Option(metavar="A-B", help="For encodings that depend on the elements.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace the picture if it exists.")]


def encoding(
    models: Models,
    out: Out = Path("encodings.png"),
    elements: Elements = None,
    pair: Pair = None,
    force: Force = False,
) -> None:
    """Plot learned distance encodings and compare those of several models.

    With several models the similarity of their encodings (linear centred kernel alignment, over
    the distances that all of them see) is drawn and printed.
    """
    from schnetpack_molfield.checks import atomic_number, check_new_file
    from schnetpack_molfield.model_files import find_model_file, load_model_file

    check_new_file(out, (".png", ".pdf", ".svg"), force)
    symbols = _pair(pair)
    for symbol in [*(symbols or ()), *(_symbols(elements) or ())]:
        atomic_number(symbol)
    for path in models:
        find_model_file(path)

    from schnetpack_molfield.analysis.encodings import (
        encoding_curves,
        model_cutoff,
        plot_encodings,
        similarity_matrix,
    )

    loaded = {name: load_model_file(path) for name, path in _names(models).items()}
    _check_trained(symbols, loaded)
    cutoff = min(model_cutoff(model) for model in loaded.values())
    curves = {name: encoding_curves(model, cutoff, symbols) for name, model in loaded.items()}
    plot_encodings(curves, out, _elements(elements, list(loaded.values())), force)
    console = Console()
    if len(curves) > 1:
        matrix = similarity_matrix([curve.values for curve in curves.values()])
        console.print(_table(list(curves), matrix.tolist()))
    say(f"wrote {out}")


def _names(models: list[Path]) -> dict[str, Path]:
    """A short name for every model: the run's folder, or the whole path where those are alike."""
    names = [path.resolve().parent.name if path.name in RUN_FILES else path.name for path in models]
    if len(set(names)) < len(names):
        names = [str(path) for path in models]
    return dict(zip(names, models, strict=True))


def _elements(elements: str | None, models: "list[AtomisticModel]") -> list[str]:
    if given := _symbols(elements):
        return given
    records = [getattr(model, "molfield_record", {}) for model in models]
    known = [symbol for record in records for symbol in record.get("elements") or []]
    return list(dict.fromkeys(known)) or ["H", "C", "N", "O"]


def _symbols(elements: str | None) -> list[str] | None:
    """Symbols of a list with commas between."""
    return None if elements is None else [symbol.strip() for symbol in elements.split(",")]


def _pair(pair: str | None) -> tuple[str, str] | None:
    if pair is None:
        return None
    symbols = pair.split("-")
    if len(symbols) != 2:
        raise ValueError(f"--pair must be two elements such as C-H, got {pair!r}")
    return symbols[0], symbols[1]


def _check_trained(pair: tuple[str, str] | None, models: "dict[str, AtomisticModel]") -> None:
    """Raise ValueError for a pair of elements that a model has never seen."""
    for name, model in models.items():
        known = getattr(model, "molfield_record", {}).get("elements") or []
        unseen = [symbol for symbol in pair or () if known and symbol not in known]
        if unseen:
            raise ValueError(
                f"{name} was not trained on {unseen[0]}: --pair must be two of {', '.join(known)}"
            )


def _table(names: list[str], matrix: list[list[float]]) -> Table:
    table = Table("similarity", *names)
    for name, row in zip(names, matrix, strict=True):
        table.add_row(name, *(f"{value:.3f}" for value in row))
    return table
