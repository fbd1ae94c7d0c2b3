"""Under which keys an archive has its atoms and its box."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from schnetpack_molfield.datasets.readers.cells import means_a_box

__all__ = ["Keys", "find_keys"]

#: Names of each part of a structure, exact; positions and cell may carry a unit of length.
_NUMBERS = (
    "Z", "z", "nuclear_charges", "atomic_numbers", "numbers", "species", "symbols", "elements",
)  # fmt: skip
_TYPES = ("types", "atom_types", "type")
_POSITIONS = ("R", "coords", "coordinates", "positions", "pos", "xyz", "r")
_CELL = ("cell", "cells", "lattice", "box", "unit_cell")
_PBC = ("pbc",)
_COUNTS = ("n_atoms", "num_atoms", "natoms", "N")

_LENGTHS = {"A": "Ang", "Ang": "Ang", "bohr": "Bohr", "Bohr": "Bohr", "nm": "nm"}


class Keys(NamedTuple):
    """The keys of an archive's structures; None for a part that it doesn't have."""

    positions: str
    numbers: str | None
    types: str | None
    n_atoms: str | None
    cell: str | None
    pbc: str | None

    def length_unit(self, key: str | None, arrays: Mapping[str, np.ndarray]) -> str | None:
        """Unit of the positions or of the cell, from the end of its key or from `r_unit`."""
        suffix = (key or "").rpartition("_")[2]
        if suffix in _LENGTHS:
            return _LENGTHS[suffix]
        return str(arrays["r_unit"]) if "r_unit" in arrays else None


def find_keys(arrays: Mapping[str, np.ndarray]) -> Keys:
    """Find atoms and box.

    Raises:
        ValueError: if there are no atoms, two keys for one part, or a key that looks like a box
            and can't be read as one.
    """
    numbers = _one_of(arrays, _NUMBERS)
    if numbers is None and "charges" in arrays and arrays["charges"].dtype.kind in "iu":
        numbers = "charges"  # of the nuclei
    types = None if numbers else _one_of(arrays, _TYPES)
    positions = _one_of(arrays, _POSITIONS, _LENGTHS)
    if positions is None or (numbers is None and types is None):
        raise ValueError(f"expected the keys Z and R, found {', '.join(arrays)}")
    cell, pbc = _one_of(arrays, _CELL, _LENGTHS), _one_of(arrays, _PBC)
    keys = Keys(positions, numbers, types, _one_of(arrays, _COUNTS), cell, pbc)
    for key, array in arrays.items():
        if key not in keys and array.dtype.kind in "fiub" and means_a_box(key):
            raise ValueError(
                f"{key!r} isn't a key that is read; did you mean 'cell' or 'pbc'? Rename it, or "
                "remove it if the structures aren't periodic"
            )
    return keys


def _one_of(
    arrays: Mapping[str, np.ndarray], names: tuple[str, ...], suffixes: Mapping[str, str] = {}
) -> str | None:
    wanted = [f"{name}{end}" for name in names for end in ("", *(f"_{s}" for s in suffixes))]
    found = [name for name in wanted if name in arrays and arrays[name].size]
    if len(found) > 1:
        raise ValueError(f"{' and '.join(map(repr, found))} mean the same; keep one of them")
    return found[0] if found else None
