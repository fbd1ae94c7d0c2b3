"""`molfield inspect`: is a data set fit for training?"""

from typing import Annotated

import typer

from schnetpack_molfield.cli.doctor import Doctor
from schnetpack_molfield.cli.import_data import (
    Files,
    LengthUnit,
    PerAtom,
    PerMolecule,
    Properties,
    Renames,
    Report,
    Types,
    open_files,
    with_progress,
)

__all__ = ["inspect"]

Force = Annotated[bool, typer.Option("--force", help="Replace a report that exists.")]


def inspect(
    files: Files,
    property: Properties = [],  # noqa: B006 (typer reads it, nobody changes it)
    rename: Renames = [],  # noqa: B006
    map: Types = [],  # noqa: B006
    length_unit: LengthUnit = None,
    per_atom: PerAtom = [],  # noqa: B006
    per_molecule: PerMolecule = [],  # noqa: B006
    report: Report = None,
    force: Force = False,
) -> None:
    """Look for wrong units, signs and order of labels, net forces, outliers and copies.

    One line for everything that looks wrong; ends with status 1 if there is any. `molfield import`
    looks small sets over in the same way.
    """
    sources = open_files(files, property, rename, map, length_unit, per_atom, per_molecule)
    doctor = Doctor(sources, True, report, force)
    for source in sources:
        for _ in doctor.watch(with_progress(source)).read():
            pass
    if doctor.tell():
        raise typer.Exit(1)
