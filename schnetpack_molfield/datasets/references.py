"""Single-atom energies that a file carries: as a table, or as frames of isolated atoms."""

from collections.abc import Iterable, Mapping

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from schnetpack_molfield.datasets.frames import References, Value

__all__ = ["TABLES", "TABLE_PREFIXES", "isolated_atom", "lacking", "read_table"]

#: Keys under which archives keep a table: in front of the key of its label, or of the energy.
TABLE_PREFIXES = ("iso_atom_", "atomref_")
TABLES = ("atomrefs", "E0s", "e0s", "atomic_energies", "atom_energies", "isolated_atom_energies")


def isolated_atom(atoms: Atoms, values: Mapping[str, Value]) -> dict[str, float]:
    """The numbers of a frame that its file marks as an isolated atom (`config_type`)."""
    mark = str(atoms.info.get("config_type", "")).replace("_", "").lower()
    if len(atoms) != 1 or mark != "isolatedatom":
        return {}
    return {key: float(value.data.item()) for key, value in values.items() if value.data.size == 1}


def read_table(table: np.ndarray, key: str) -> References:
    """Read pairs of atomic number and value (n, 2), or values indexed by atomic number (n,).

    Raises:
        ValueError: for any other shape, or atomic numbers that don't exist.
    """
    if table.ndim == 1 and table[:1].any():
        raise ValueError(
            f"{key!r} has a value for atomic number 0; give pairs of atomic number and value"
        )
    if table.ndim == 1:
        return {number: float(value) for number, value in enumerate(table) if value != 0}
    if table.ndim != 2 or table.shape[1] != 2:
        raise ValueError(
            f"{key!r} has shape {table.shape}, expected (n_elements, 2), pairs of atomic number "
            "and value, or (n,), values indexed by atomic number"
        )
    numbers = table[:, 0]
    if not np.isin(numbers, np.arange(len(chemical_symbols))).all():
        raise ValueError(f"the first column of {key!r} should hold atomic numbers, not {numbers}")
    return {int(number): float(value) for number, value in table if number != 0}


def lacking(references: References, elements: Iterable[int]) -> list[str]:
    """Symbols of the elements that have no reference."""
    return [chemical_symbols[number] for number in sorted(set(elements) - references.keys())]
