"""Labelled structures from any file that ASE reads: extended XYZ, trajectories, crystals."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import iread

from schnetpack_molfield.datasets.elements import atomic_number_of, elements_of_types
from schnetpack_molfield.datasets.frames import RawFrame, RawSource, Value
from schnetpack_molfield.datasets.labels import ase_label
from schnetpack_molfield.datasets.readers.reading import each_frame

__all__ = ["open_ase_file", "values_of"]

_PER_ATOM_RESULTS = {"forces", "energies", "stresses", "charges", "magmoms"}

#: What structures carry that is no label.
_STRUCTURE = {
    "numbers", "positions", "tags", "momenta", "velocities", "masses", "initial_charges",
    "initial_magmoms", "id", "type", "types", "atom_types", "occupancy", "bfactor",
    "residuenumbers", "residuenames", "atomtypes", "spacegroup_kinds", "spacegroup",
    "timestep", "move_mask", "unique_id", "key_value_pairs", "data", "pbc", "Lattice",
}  # fmt: skip

#: What is written for a label that a frame doesn't have.
_MISSING = ("", "none", "null", "na", "n/a", "-", "--", "nan")

_DECIMAL = re.compile(r"[-+]?\d*\.\d+(e[-+]?\d+)?", re.IGNORECASE)

#: Columns that name the elements where `species` doesn't.
_TYPE_COLUMNS = ("type", "types", "atom_types", "element", "elements", "symbol", "symbols")


def open_ase_file(path: Path, elements: Mapping[str, str]) -> RawSource:
    """Open a file that ASE reads; results of calculators are in eV and Angstrom.

    Args:
        path: the file.
        elements: of atom types that are no elements.
    """
    return RawSource(path, read=lambda: _frames(path, elements), label_of=ase_label)


def _frames(path: Path, elements: Mapping[str, str]) -> Iterator[RawFrame]:
    read = iread(path, index=":", do_not_split_by_at_sign=True)
    yield from each_frame((_raw(_with_elements(atoms, elements)) for atoms in read), elements)


def _raw(atoms: Atoms) -> RawFrame:
    """A frame whose values are out of ASE's hands, which would write them into the database."""
    values = values_of(atoms, **_after_words(atoms.info))
    atoms.calc = None
    return RawFrame(atoms, values)


def values_of(atoms: Atoms, **more: Any) -> dict[str, Value]:
    """Every number a frame carries: of its calculator, of the system, of the atoms, and more.

    Raises:
        ValueError: if there is text where a label has numbers.
    """
    results = atoms.calc.results if atoms.calc is not None else {}
    per_atom = atoms.arrays.keys() | _PER_ATOM_RESULTS
    found = {**atoms.info, **more, **atoms.arrays, **results}
    arrays = {
        key: _without_text(key, np.asarray(v))
        for key, v in found.items()
        if key not in _STRUCTURE and _is_flat(v)
    }
    return {
        key: Value(array.astype(float), key in per_atom)
        for key, array in arrays.items()
        if array.dtype.kind in "fi" and array.size
    }


def _without_text(key: str, array: np.ndarray) -> np.ndarray:
    """NaN for `None`, and a refusal of other text under the name of a label: `-76.4Ha`."""
    if array.dtype.kind != "U" or not ase_label(key).usual:
        return array
    if str(array).lower() in _MISSING:
        return np.array(np.nan)
    raise ValueError(f"{key!r} is {str(array)!r}, not a number")


def _after_words(info: Mapping[str, Any]) -> dict[str, float]:
    """Numbers of a comment such as `energy: -76.4`, by the word in front, which ASE reads apart."""
    words = [str(key) for key, value in info.items() if value is True]
    pairs = zip(["comment", *words], words, strict=False)
    return {
        before: float(word)
        for before, word in pairs
        if _DECIMAL.fullmatch(word) and not _DECIMAL.fullmatch(before)
    }


def _is_flat(value: Any) -> bool:
    """Numbers, arrays and lists of equal length; others aren't labels."""
    try:
        np.asarray(value)
    except ValueError:
        return False
    return True


def _with_elements(atoms: Atoms, elements: Mapping[str, str]) -> Atoms:
    """Take elements from a column of types, if the file doesn't name them; check occupancies."""
    _refuse_disorder(atoms)
    if len(atoms) == 0 or atoms.numbers.any():
        return atoms
    column = next((atoms.arrays[name] for name in _TYPE_COLUMNS if name in atoms.arrays), None)
    if column is None:
        raise ValueError("no column names its elements: 'species' or 'Z'")
    if column.dtype.kind in "iu":
        atoms.numbers = elements_of_types(column, elements)
    else:
        atoms.numbers = [atomic_number_of(str(name), elements) for name in column]
    return atoms


def _refuse_disorder(atoms: Atoms) -> None:
    sites = atoms.info.get("occupancy")
    for site, occupants in (sites if isinstance(sites, dict) else {}).items():
        if len(occupants) > 1 or sum(occupants.values()) < 1 - 1e-3:
            shown = ", ".join(f"{symbol} {share:g}" for symbol, share in occupants.items())
            raise ValueError(f"site {site} is occupied by {shown}: choose one ordered structure")
