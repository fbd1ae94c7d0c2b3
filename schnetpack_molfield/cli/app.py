"""The `molfield` application: collects the subcommands, turns errors into one line.

To add a subcommand write `schnetpack_molfield/cli/<name>.py` with one function that typer can
read, and register it below. Import heavy packages (torch, SchNetPack) inside that function, so
that `molfield --help` answers at once. Raise `ValueError`, `OSError` or `ImportError` with one
clear line: it reaches the user as `error: ...` with exit status 1.
"""

import warnings

import typer
from rich.console import Console
from rich.markup import escape

from schnetpack_molfield import __version__
from schnetpack_molfield.cli.assess import assess
from schnetpack_molfield.cli.check import check
from schnetpack_molfield.cli.encoding import encoding
from schnetpack_molfield.cli.export import export
from schnetpack_molfield.cli.field import field
from schnetpack_molfield.cli.fit import fit
from schnetpack_molfield.cli.import_data import import_data
from schnetpack_molfield.cli.inspect import inspect
from schnetpack_molfield.cli.interpolate import interpolate
from schnetpack_molfield.cli.refine import refine
from schnetpack_molfield.cli.sample import sample
from schnetpack_molfield.cli.scf import scf

__all__ = ["app", "main"]

app = typer.Typer(
    help="Molecular fields beyond SchNetPack's own commands.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Molecular fields beyond SchNetPack's own commands."""


app.command("import")(import_data)
app.command("assess")(assess)
app.command("check")(check)
app.command("encoding")(encoding)
app.command("export")(export)
app.command("field")(field)
app.command("fit")(fit)
app.command("inspect")(inspect)
app.command("interpolate")(interpolate)
app.command("refine")(refine)
app.command("sample")(sample)
app.command("scf")(scf)


def main() -> None:
    """Run the command line; a user's mistake ends in one line, not in a traceback."""
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    try:
        app()
    except (ValueError, OSError, ImportError, MemoryError) as error:
        message = f"[bold red]error:[/] {escape(str(error) or 'not enough memory')}"
        Console(stderr=True).print(message, soft_wrap=True, highlight=False)
        raise SystemExit(1) from None
