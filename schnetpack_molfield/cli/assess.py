"""`molfield assess`: how good molecules are, whoever made them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from schnetpack_molfield.cli.outputs import say

if TYPE_CHECKING:
    from schnetpack_molfield.assessment import Assessment, Scores

__all__ = ["assess"]

#: Unreadable entries that are named; the others are in the file of `--out`.
N_NAMED = 5

Samples = Annotated[
    Path, typer.Argument(help="SDF, extended XYZ, a database or any other file of molecules.")
]
Reference = Annotated[
    Path | None,
    typer.Option(
        "--reference", "-r", help="What to compare with (novelty, distributions): a file likewise."
    ),
]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Write all of it, FILE.json.")]
Strain = Annotated[int, typer.Option(min=0, help="Molecules to relax by MMFF94.")]
Xtb = Annotated[int, typer.Option(min=0, help="Molecules to relax by GFN2-xTB: seconds each.")]
Poses = Annotated[int, typer.Option(min=0, help="Molecules for PoseBusters' tests.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that exists.")]


def assess(
    samples: Samples,
    reference: Reference = None,
    out: Out = None,
    strain: Strain = 500,
    xtb: Xtb = 0,
    posebusters: Poses = 200,
    force: Force = False,
) -> None:
    """Print stability, validity, novelty, strain and properties of molecules.

    By two measures that don't compare: EDM's (bonds from tables of lengths, fixed valences) and
    OpenBabel's (bonds and charges as it perceives them). Real QM9 scores 99.4 / 95.6 / 97.8 (atoms
    stable, molecules stable, valid) in ours of EDM's, 99.0 / 95.2 / 97.7 in theirs. Entries that
    can't be read are named, and count as neither stable nor valid.
    """
    from schnetpack_molfield.checks import check_new_file, optional_import

    if out is not None:
        check_new_file(out, (".json",), force)
    for file in (samples, reference):
        if file is not None and not file.is_file():
            raise FileNotFoundError(f"{file} isn't a file")
    optional_import("rdkit", "generation")

    from schnetpack_molfield.assessment import Sizes, assess as assess_entries, read_entries

    entries = read_entries(samples)
    known = None if reference is None else read_entries(reference)
    sizes = Sizes(strain=strain, xtb=xtb, plausibility=posebusters)
    result = assess_entries(entries, known, sizes)
    _print(result, samples.name)
    if out is not None:
        _write(out, result)
        say(f"wrote {out}")


def _print(result: "Assessment", name: str) -> None:
    console = Console(highlight=False, soft_wrap=True)
    readable = result.n_entries - len(result.unreadable)
    say(f"{name}: {readable} molecules of {result.n_entries} entries")
    for line in result.unreadable[:N_NAMED]:
        say(f"unreadable: {line}")
    if len(result.unreadable) > N_NAMED:
        say(f"unreadable: {len(result.unreadable) - N_NAMED} more")
    console.print(_scores("EDM's measure", result.by_lengths))
    if result.by_openbabel is not None:
        console.print(_scores("OpenBabel's measure", result.by_openbabel))
    for table in _closer(result):
        console.print(table)
    for note in result.notes:
        say(f"note: {note}")


def _scores(name: str, scores: "Scores") -> Table:
    table = Table(name, "%")
    for row, value in vars(scores).items():
        table.add_row(row.replace("_", " "), f"{value:.1f}" if value == value else "-")
    return table


def _closer(result: "Assessment") -> list[Table]:
    """Strain, PoseBusters' tests and distributions, each in a table of its own."""
    strain = Table("strain, kcal/mol", "molecules", "lower quartile", "median", "upper quartile")
    for method, row in result.strain.items():
        n_molecules, *quantiles = row.values()
        strain.add_row(method, f"{n_molecules:.0f}", *(f"{value:.1f}" for value in quantiles))
    tests = Table("PoseBusters", "% passed")
    for test, share in result.plausibility.items():
        tests.add_row(test.replace("_", " "), f"{share:.1f}")
    properties = Table("property", "mean", "of the reference", "distance / its spread")
    for name, d in result.distributions.items():
        figures = (d.mean, d.reference_mean, d.distance)
        properties.add_row(name, *(f"{v:.3g}" if v == v else "-" for v in figures))
    return [table for table in (strain, tests, properties) if table.row_count]


def _write(out: Path, result: "Assessment") -> None:
    import json
    from dataclasses import asdict

    from schnetpack_molfield.new_files import replace_when_complete

    with replace_when_complete(out) as partial:
        partial.write_text(json.dumps(asdict(result), indent=2) + "\n")
