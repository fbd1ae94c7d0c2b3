"""Write labelled structures into a SchNetPack database, all of them or nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from schnetpack.data import ASEAtomsData

from schnetpack_molfield.datasets.frames import Frame, FrameSource, check_frame, missing_labels

__all__ = ["check_target", "checked", "replace_when_complete", "write_database"]


@contextmanager
def replace_when_complete(path: Path) -> Iterator[Path]:
    """Hand out a temporary path beside `path` and rename it at the end; on an error remove it."""
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial.unlink(missing_ok=True)
    try:
        yield partial
        partial.replace(path)
    finally:
        for leftover in (partial, Path(f"{partial}.lock"), Path(f"{partial}-journal")):
            leftover.unlink(missing_ok=True)


def write_database(
    path: Path,
    sources: Sequence[FrameSource],
    *,
    overwrite: bool = False,
    skip_missing: bool = False,
) -> list[list[int]]:
    """Write all frames of all sources into one database.

    Args:
        path: the new database, `*.db`.
        sources: opened files; all carry the same labels in the same units.
        overwrite: replace an existing database.
        skip_missing: leave out frames with a label that isn't available, instead of refusing.

    Returns:
        For each source, the numbers of the frames that were written.

    Raises:
        FileExistsError: if the database exists and `overwrite` isn't set.
        ValueError: naming file and frame, for a frame that can't be trained on; nothing is written.
    """
    check_target(path, overwrite)
    _check_units(sources)
    with replace_when_complete(path) as partial:
        atomrefs = {name: refs for source in sources for name, refs in source.atomrefs.items()}
        database = ASEAtomsData.create(
            str(partial),
            distance_unit="Ang",
            property_unit_dict=sources[0].units,
            atomrefs=atomrefs,
        )
        with database.conn:
            return [_add(database, checked(source, skip_missing)) for source in sources]


def check_target(path: Path, overwrite: bool) -> None:
    """Refuse a name SchNetPack wouldn't open, or a database that is already there."""
    if path.suffix != ".db":
        raise ValueError(f"{path}: a SchNetPack database must end in .db")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder of {path} does not exist; create it first")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; pass --force to replace it")


def _check_units(sources: Sequence[FrameSource]) -> None:
    first = sources[0]
    for source in sources[1:]:
        if source.units != first.units:
            raise ValueError(
                f"{source.path} has {source.units}, but {first.path} has {first.units}; "
                "choose labels with --property KEY=UNIT"
            )


def _add(database: ASEAtomsData, frames: Iterator[tuple[int, Frame]]) -> list[int]:
    """Write frames by the thousand: a transaction for each single one would take minutes."""
    written: list[int] = []
    while chunk := list(islice(frames, 1000)):
        numbers, good = zip(*chunk, strict=True)
        atoms, properties = zip(*good, strict=True)
        database.add_systems(list(properties), list(atoms))
        written += numbers
    return written


def checked(source: FrameSource, skip_missing: bool) -> Iterator[tuple[int, Frame]]:
    """Pass on the good frames with their numbers; stop at a bad one with its file and number.

    Raises:
        ValueError: for a broken frame, or for a label that isn't available unless `skip_missing`.
    """
    frames = source.read()
    number = 0
    while True:
        try:
            frame = next(frames, None)
        except ValueError as error:
            raise ValueError(f"{source.path}: {error}") from error
        if frame is None:
            return
        missing = missing_labels(frame)
        if missing and not skip_missing:
            raise ValueError(
                f"{source.path}: frame {number}: {', '.join(missing)} is NaN; "
                "--skip-missing leaves such frames out, --property chooses other labels"
            )
        if not missing:
            _check(frame, source.path, number)
            yield number, frame
        number += 1


def _check(frame: Frame, path: Path, number: int) -> None:
    try:
        check_frame(frame)
    except ValueError as error:
        raise ValueError(f"{path}: frame {number}: {error}") from error
