"""SchNetPack databases with their labels, units and references, and other databases of ASE."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from sqlite3 import DatabaseError
from typing import Any

import numpy as np
from ase.db import connect
from ase.db.row import AtomsRow

from schnetpack_molfield.datasets.frames import RawFrame, RawSource, Value
from schnetpack_molfield.datasets.labels import Label, ase_label, without_unit
from schnetpack_molfield.datasets.readers.ase_files import values_of
from schnetpack_molfield.datasets.readers.reading import each_frame

__all__ = ["open_database"]

_UNITS, _LENGTH, _ATOMREFS = "_property_unit_dict", "_distance_unit", "atomrefs"


def open_database(path: Path, elements: Mapping[str, str]) -> RawSource:
    """Open a database of ASE; SchNetPack's keep units and references in its metadata.

    Args:
        path: the file.
        elements: of atom types that are no elements.
    """
    with _connect(path) as connection:
        metadata, count = connection.metadata, connection.count()
    if _UNITS not in metadata:
        return RawSource(path, lambda: _read(path, elements, _plain), ase_label, count)
    units = metadata[_UNITS]
    return RawSource(
        path,
        read=lambda: _read(path, elements, lambda row: _labelled(row, units)),
        label_of=lambda key: _label(key, units[key]),
        count=count,
        references={key: _nonzero(table) for key, table in metadata.get(_ATOMREFS, {}).items()},
        metadata={k: v for k, v in metadata.items() if k not in (_UNITS, _LENGTH, _ATOMREFS)},
        length_unit=metadata.get(_LENGTH),
    )


def _connect(path: Path) -> Any:
    """A connection, whatever the case of the ending."""
    try:
        connection = connect(path, type="db", use_lock_file=False)
        connection.count()
    except DatabaseError as error:
        raise ValueError(f"not a readable database ({error})") from error
    return connection


def _read(path: Path, elements: Mapping[str, str], frame_of: Any) -> Iterator[RawFrame]:
    with _connect(path) as connection:
        yield from each_frame(map(frame_of, connection.select()), elements)


def _plain(row: AtomsRow) -> RawFrame:
    atoms = row.toatoms()
    return RawFrame(atoms, values_of(atoms, **row.key_value_pairs, **dict(row.data)))


def _labelled(row: AtomsRow, units: Mapping[str, str]) -> RawFrame:
    values = {
        name: _value(np.asarray(row.data[name]), row.natoms) for name in units if name in row.data
    }
    return RawFrame(row.toatoms(), values)


def _value(array: np.ndarray, n_atoms: int) -> Value:
    """SchNetPack's arrays have a row for each atom, or a single one for the molecule."""
    if array.ndim == 0 or len(array) not in (1, n_atoms):
        return Value(array, False)
    return Value(array[0], False) if len(array) == 1 else Value(array, True)


def _label(key: str, unit: str | None) -> Label:
    label = without_unit(key, key)._replace(usual=True)
    if label.row is not None and unit and unit != "arb. unit":
        return label.in_unit(unit)
    return label if label.unit else label._replace(unit=unit or "")


def _nonzero(table: list[float]) -> dict[int, float]:
    return {number: value for number, value in enumerate(table) if value != 0}
