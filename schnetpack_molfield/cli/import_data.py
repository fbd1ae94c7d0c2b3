"""`molfield import`: real data into a SchNetPack database, without programming."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import track

if TYPE_CHECKING:
    from schnetpack_molfield.datasets import Frame, FrameSource

__all__ = ["import_data"]

Files = Annotated[
    list[Path],
    typer.Argument(help="Extended XYZ or any other file that ASE reads, or npz archives."),
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
    bool, typer.Option("--skip-missing", help="Leave out frames with a label that is NaN.")
]
SplitFile = Annotated[
    Path | None,
    typer.Option(help="Also write the archive's own split into this npz, for data.split_file."),
]
NumVal = Annotated[
    int, typer.Option(min=0, help="Training structures to set aside for validation.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]


def import_data(
    files: Files,
    out: Out,
    property: Properties = [],  # noqa: B006 (typer reads it, nobody changes it)
    rename: Renames = [],  # noqa: B006
    skip_missing: SkipMissing = False,
    split_file: SplitFile = None,
    num_val: NumVal = 0,
    force: Force = False,
) -> None:
    """Import structures with energies, forces or other labels into a SchNetPack database.

    Units: ASE files hold eV and Angstrom unless --property energy=kcal/mol says otherwise;
    archives state them in their keys (E_eV, F_kcal_mol_A). Nothing is written if a frame is broken.
    """
    from schnetpack_molfield.datasets import write_database

    wanted, names = dict(_pair(item) for item in property), _renames(rename)
    sources = [_open(file, wanted).renamed(names) for file in files]
    if split_file is not None:
        _check_split(split_file, sources, num_val, force)
    shown = [_with_progress(source) for source in sources]
    written = write_database(out, shown, overwrite=force, skip_missing=skip_missing)
    _report(out, sources, written)
    if split_file is not None:
        _write_split(split_file, sources, written, num_val)


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


def _open(file: Path, wanted: dict[str, str | None]) -> "FrameSource":
    from schnetpack_molfield.datasets import read_archive, read_structures

    if not file.is_file():
        raise FileNotFoundError(f"{file} isn't a file")
    try:
        return (read_archive if file.suffix == ".npz" else read_structures)(file, wanted)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def _with_progress(source: "FrameSource") -> "FrameSource":
    def read() -> "Iterator[Frame]":
        yield from track(source.read(), description=source.path.name, total=source.count)

    return replace(source, read=read)


def _check_split(file: Path, sources: list["FrameSource"], num_val: int, force: bool) -> None:
    if file.exists() and not force:
        raise FileExistsError(f"{file} exists; pass --force to replace it")
    for source in sources:
        if source.split is None:
            raise ValueError(f"{source.path} has no split, so --split-file can't be written")
    known = sum(int((s.split == 0).sum()) for s in sources if s.split is not None)
    if num_val >= known:
        raise ValueError(f"--num-val {num_val} leaves none of {known} training structures")


def _report(out: Path, sources: list["FrameSource"], written: list[list[int]]) -> None:
    units = ", ".join(f"{name} ({unit})" for name, unit in sources[0].units.items())
    labels = f"with {units}" if units else "without labels"
    total = sum(len(numbers) for numbers in written)
    Console().print(f"{out}: {total} structures {labels}", highlight=False, soft_wrap=True)


def _write_split(
    file: Path, sources: list["FrameSource"], written: list[list[int]], num_val: int
) -> None:
    import numpy as np

    from schnetpack_molfield.datasets.split import write_split

    pairs = zip(sources, written, strict=True)
    partition = [source.split[numbers] for source, numbers in pairs if source.split is not None]
    sizes = write_split(file, np.concatenate(partition), num_val)
    options = " ".join(f"data.{name}={size}" for name, size in sizes.items())
    Console().print(
        f"{file}: use it with data.split_file={file.resolve()} {options}",
        highlight=False,
        soft_wrap=True,
    )
