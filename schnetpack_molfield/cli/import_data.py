"""`molfield import`: real data into a SchNetPack database, without programming."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schnetpack_molfield.cli.outputs import say
from schnetpack_molfield.progress import watched

if TYPE_CHECKING:
    from schnetpack_molfield.datasets import Frame, FrameSource, Request
    from schnetpack_molfield.datasets.frames import RawFrame, RawSource

__all__ = [
    "Files",
    "LengthUnit",
    "PerAtom",
    "PerMolecule",
    "Properties",
    "Renames",
    "Report",
    "Types",
    "import_data",
    "open_files",
    "with_progress",
]

Files = Annotated[
    list[Path],
    typer.Argument(
        help="Extended XYZ, SDF, PDB, databases or any other file that ASE reads, npz archives, "
        "QM9's own files (also a folder or tar of them); electron densities in cubes, CHGCAR, "
        "CCP4, MRC, OpenDX, XSF and .vti files."
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="The new database, FILE.db.")]
Properties = Annotated[
    list[str],
    typer.Option(
        "--property",
        "-p",
        metavar="KEY[=UNIT]",
        help="Take this label; repeat for more. Without it: all labels with a known unit.",
    ),
]
Renames = Annotated[
    list[str],
    typer.Option("--rename", metavar="KEY=NAME", help="Store a label under another name."),
]
SkipMissing = Annotated[
    bool, typer.Option("--skip-missing", help="Leave out frames that lack a label, or have NaN.")
]
Types = Annotated[
    list[str],
    typer.Option(
        "--map", metavar="TYPE=ELEMENT", help="Elements of atom types, for example 1=O,2=H."
    ),
]
LengthUnit = Annotated[
    str | None,
    typer.Option(help="Of positions and cell: Ang, bohr or nm, where the file doesn't say it."),
]
PerAtom = Annotated[
    list[str], typer.Option(metavar="KEY", help="This label has a row for each atom.")
]
PerMolecule = Annotated[
    list[str], typer.Option(metavar="KEY", help="This label is a tensor of the molecule.")
]
SplitFile = Annotated[
    Path | None,
    typer.Option(help="Also write the archive's own split into this npz, for data.split_file."),
]
NumVal = Annotated[
    int, typer.Option(min=0, help="Training structures to set aside for validation.")
]
Check = Annotated[
    bool | None,
    typer.Option(
        "--check/--no-check",
        help="Look the data over, as `molfield inspect` does. Without it: if the set is small.",
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Write what the check found, FILE.md or FILE.json, and a picture, FILE.png.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]


def import_data(
    files: Files,
    out: Out,
    property: Properties = [],  # noqa: B006 (typer reads it, nobody changes it)
    rename: Renames = [],  # noqa: B006
    skip_missing: SkipMissing = False,
    map: Types = [],  # noqa: B006
    length_unit: LengthUnit = None,
    per_atom: PerAtom = [],  # noqa: B006
    per_molecule: PerMolecule = [],  # noqa: B006
    split_file: SplitFile = None,
    num_val: NumVal = 0,
    check: Check = None,
    report: Report = None,
    force: Force = False,
) -> None:
    """Import structures with energies, forces or other labels into a SchNetPack database.

    Units: ASE files hold eV and Angstrom unless --property energy=kcal/mol says otherwise;
    archives state them in their keys (E_eV, F_kcal_mol_A); MD17, rMD17, QM9 and SchNetPack's
    databases are known. Nothing is written if a frame is broken. Small sets are looked over: what
    looks wrong is said in one line each, see `molfield inspect`.
    """
    from schnetpack_molfield.cli.doctor import Doctor
    from schnetpack_molfield.datasets.database import check_target, write_database

    check_target(out, force)
    sources = open_files(files, property, rename, map, length_unit, per_atom, per_molecule)
    if split_file is not None:
        _check_split(split_file, sources, num_val, force)
    doctor = Doctor(sources, check, report, force)
    shown = [doctor.watch(with_progress(source)) for source in sources]
    written = write_database(out, shown, overwrite=force, skip_missing=skip_missing, note=say)
    _report(out, sources, written)
    doctor.tell()
    if split_file is not None:
        _write_split(split_file, sources, written, num_val, out)


def _pair(item: str) -> tuple[str, str | None]:
    key, _, value = item.partition("=")
    return key, value or None


def _renames(items: Iterable[str]) -> dict[str, str]:
    names = {}
    for item in items:
        key, name = _pair(item)
        if name is None:
            raise ValueError(f"--rename {item}: expected KEY=NAME")
        names[key] = name
    return names


def open_files(
    files: Sequence[Path],
    properties: Iterable[str],
    renames: Iterable[str],
    types: Iterable[str],
    length_unit: str | None,
    per_atom: Iterable[str],
    per_molecule: Iterable[str],
) -> list["FrameSource"]:
    """Files of frames as the options say that are called like the arguments."""
    from schnetpack_molfield.checks import check_readable

    for file in files:
        check_readable(file)

    from schnetpack_molfield.datasets import Request
    from schnetpack_molfield.datasets.elements import map_of_types

    request = Request(
        properties=dict(_pair(item) for item in properties),
        names=_renames(renames),
        per_atom=frozenset(per_atom),
        per_molecule=frozenset(per_molecule),
        elements=map_of_types(types),
        length_unit=length_unit,
    )
    return [_open(file, request) for file in files]


def _open(file: Path, request: "Request") -> "FrameSource":
    from schnetpack_molfield.datasets import read_frames

    try:
        return read_frames(file, request, watch=_first_look)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def _first_look(frames: "Iterator[RawFrame]", source: "RawSource") -> "Iterator[RawFrame]":
    yield from watched(frames, f"{source.path.name}, labels", source.count)


def with_progress(source: "FrameSource") -> "FrameSource":
    """The same frames; how many have been read is shown."""

    def read() -> "Iterator[Frame]":
        yield from watched(source.read(), source.path.name, source.count)

    return replace(source, read=read)


def _check_split(file: Path, sources: list["FrameSource"], num_val: int, force: bool) -> None:
    from schnetpack_molfield.checks import check_new_file

    check_new_file(file, [".npz"], force)
    for source in sources:
        if source.split is None:
            raise ValueError(f"{source.path} has no split, so --split-file can't be written")
    known = sum(int((s.split == 0).sum()) for s in sources if s.split is not None)
    if num_val >= known:
        raise ValueError(f"--num-val {num_val} leaves none of {known} training structures")


def _report(out: Path, sources: list["FrameSource"], written: list[list[int]]) -> None:
    units = {name: unit for source in sources for name, unit in source.units.items()}
    shown = ", ".join(f"{name} ({unit})" if unit else name for name, unit in units.items())
    labels = f"with {shown}" if shown else "without labels"
    total = sum(len(numbers) for numbers in written)
    for source in sources:
        if source.left_out:
            say(f"{source.path}: not imported: {', '.join(source.left_out)} (see --property)")
        for label in source.labels:
            if label.factor < 0:
                say(f"{source.path}: {label.key!r} with the other sign is {label.name!r}")
    say(f"{out}: {total} structures {labels}")


def _write_split(
    file: Path, sources: list["FrameSource"], written: list[list[int]], num_val: int, out: Path
) -> None:
    import numpy as np

    from schnetpack_molfield.datasets.split import write_split
    from schnetpack_molfield.overrides import command_line

    pairs = zip(sources, written, strict=True)
    partition = [source.split[numbers] for source, numbers in pairs if source.split is not None]
    sizes = write_split(file, np.concatenate(partition), num_val, out)
    options = {"data.split_file": str(file.resolve())}
    options |= {f"data.{name}": str(size) for name, size in sizes.items()}
    say(f"{file}: use it with {command_line(options)}")
