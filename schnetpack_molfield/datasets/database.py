"""Write labelled structures into a SchNetPack database, all of them or nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase import Atoms
from ase.data import chemical_symbols

from schnetpack_molfield.datasets.completeness import Incomplete, complete_frames, ranges
from schnetpack_molfield.datasets.frames import FrameSource, by_atomic_number
from schnetpack_molfield.datasets.molecule_names import md17_name
from schnetpack_molfield.datasets.references import lacking as lacking_elements
from schnetpack_molfield.new_files import replace_when_complete

if TYPE_CHECKING:
    from schnetpack.data import ASEAtomsData

__all__ = ["check_target", "write_database"]

_LOOKED_AT = 32  # frames, to tell Angstrom from bohr


def write_database(
    path: Path,
    sources: Sequence[FrameSource],
    *,
    overwrite: bool = False,
    skip_missing: bool = False,
    note: Callable[[str], None] = lambda line: None,
) -> list[list[int]]:
    """Write all frames of all sources into one database.

    Args:
        path: the new database, `*.db`.
        sources: opened files; a label that several have is in the same unit in all of them.
        overwrite: replace an existing database.
        skip_missing: leave out frames with a label that isn't available, instead of refusing.
        note: is told what was left out, a line each.

    Returns:
        For each source, the numbers of the frames that were written.

    Raises:
        FileExistsError: if the database exists and `overwrite` isn't set.
        ValueError: naming file and frame, for a frame that can't be trained on, or the frames that
            lack a label, or lengths that can't be Angstrom; nothing is written.
    """
    from schnetpack.data import ASEAtomsData  # late: what is wrong with a file is said at once

    check_target(path, overwrite)
    units = _common_units(sources)
    with replace_when_complete(path) as partial:
        database = ASEAtomsData.create(
            str(partial), distance_unit="Ang", property_unit_dict=units, atomrefs={}
        )
        seen = _Seen()
        with database.conn:
            written = [
                _add(database, source, units, skip_missing, seen, note) for source in sources
            ]
        if not any(written):
            raise ValueError(f"no frame has all of {', '.join(units)}; choose with --property")
        database.update_metadata(**_metadata(sources, written, seen, note))
    return written


def check_target(path: Path, overwrite: bool) -> None:
    """Refuse a name SchNetPack wouldn't open, or a database that is already there."""
    if path.suffix != ".db":
        raise ValueError(f"{path}: a SchNetPack database must end in .db")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder of {path} does not exist; create it first")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; pass --force to replace it")


@dataclass
class _Seen:
    """What the frames that were written have in common."""

    formulas: set[str] = field(default_factory=set)
    elements: set[int] = field(default_factory=set)

    def add(self, atoms: Atoms) -> None:
        """Note a frame."""
        self.formulas.add(atoms.get_chemical_formula("hill"))
        self.elements.update(atoms.numbers.tolist())


def _common_units(sources: Sequence[FrameSource]) -> dict[str, str]:
    """Unit of every label that any of the files has."""
    units: dict[str, str] = {}
    owner: dict[str, FrameSource] = {}
    for source in sources:
        for name, unit in source.units.items():
            if units.setdefault(name, unit) != unit:
                raise ValueError(
                    f"{source.path} has {name} in {unit}, but {owner[name].path} in {units[name]}; "
                    "choose labels with --property KEY=UNIT"
                )
            owner.setdefault(name, source)
    return units


def _add(
    database: "ASEAtomsData",
    source: FrameSource,
    units: Mapping[str, str],
    skip_missing: bool,
    seen: _Seen,
    note: Callable[[str], None],
) -> list[int]:
    """Write the complete frames of a source, and speak about the others."""
    written: list[int] = []
    first: list[Atoms] = []
    lacking = Incomplete()
    frames = complete_frames(source, units, lacking)
    while chunk := list(islice(frames, 1000)):  # a transaction for each would take minutes
        numbers, good = zip(*chunk, strict=True)
        atoms, properties = zip(*good, strict=True)
        if not lacking or skip_missing:
            database.add_systems(list(properties), list(atoms))
        for one in atoms:
            seen.add(one)
        first += atoms[: _LOOKED_AT - len(first)]
        written += numbers
    _check_scale(source, first)
    if lacking and not skip_missing:
        raise ValueError(
            f"{source.path}: {lacking.describe()}; --skip-missing leaves such frames "
            "out, --property chooses other labels"
        )
    if lacking:
        n_lacking = len(lacking.frames)
        note(
            f"{source.path}: left out {n_lacking} of {lacking.n_frames} frames "
            f"({ranges(lacking.frames)}), which lack {', '.join(lacking.frames_of)}"
        )
    return written


def _check_scale(source: FrameSource, first: Sequence[Atoms]) -> None:
    from schnetpack_molfield.fields.lengths import unusual_lengths  # late: it brings scipy

    unusual = None if source.scale_is_stated else unusual_lengths(*first)
    if unusual:
        raise ValueError(
            f"{source.path}: {unusual}; name their unit by --length-unit, Ang if they are right as "
            "they are"
        )


def _metadata(
    sources: Sequence[FrameSource],
    written: Sequence[Sequence[int]],
    seen: _Seen,
    note: Callable[[str], None],
) -> dict[str, Any]:
    """What SchNetPack's data modules look for: single-atom values and the name of the molecule."""
    metadata: dict[str, Any] = {}
    if len(sources) == 1:
        metadata |= sources[0].metadata
        if written[0] != list(range(len(written[0]))):
            metadata.pop("splits", None)  # of rMD17: numbers of frames that have moved
    if len(seen.formulas) == 1:
        metadata.setdefault("molecule", md17_name(*seen.formulas))
    return {**metadata, "atomrefs": _atomrefs(sources, seen.elements, note)}


def _atomrefs(
    sources: Sequence[FrameSource], elements: set[int], note: Callable[[str], None]
) -> dict[str, list[float]]:
    """Single-atom values of all files, of labels for which they are complete."""
    merged: dict[str, dict[int, float]] = {}
    for source in sources:
        for name, table in source.references.items():
            known = merged.setdefault(name, {})
            for number, value in table.items():
                if known.setdefault(number, value) != value:
                    raise ValueError(
                        f"{source.path}: the single-atom value of {name} for "
                        f"{chemical_symbols[number]} is {value}, in another file {known[number]}"
                    )
    for name in list(merged):
        unknown = lacking_elements(merged[name], elements)
        if unknown:
            note(f"single-atom values of {name} aren't kept: there is none of {', '.join(unknown)}")
            del merged[name]
    return {name: by_atomic_number(table) for name, table in merged.items()}
