"""Labelled structures from any file that ASE reads: extended XYZ, trajectories, crystals."""

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
    "residuenumbers", "residuenames", "atomtypes", "spacegroup_kinds", "spacegroup", "unit_cell",
    "timestep", "move_mask", "unique_id", "key_value_pairs", "data", "pbc", "Lattice",
}  # fmt: skip

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
    frames = (
        _with_elements(atoms, elements)
        for atoms in iread(path, index=":", do_not_split_by_at_sign=True)
    )
    for atoms in each_frame(frames, elements):
        yield RawFrame(atoms, values_of(atoms))


def values_of(atoms: Atoms, **more: Any) -> dict[str, Value]:
    """Every number a frame carries: of its calculator, of the system, of the atoms, and more."""
    results = atoms.calc.results if atoms.calc is not None else {}
    per_atom = atoms.arrays.keys() | _PER_ATOM_RESULTS
    found = {**more, **atoms.info, **atoms.arrays, **results}
    arrays = {
        key: np.asarray(v) for key, v in found.items() if key not in _STRUCTURE and _is_flat(v)
    }
    return {
        key: Value(array.astype(float), key in per_atom)
        for key, array in arrays.items()
        if array.dtype.kind in "fi" and array.size
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
