"""Bonds from distances alone: the tables of lengths of EDM's measure, with its margins."""

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols
from scipy.spatial.distance import cdist

__all__ = ["VALENCES", "bond_orders", "unknown_elements"]

#: What is added to the lengths of single, double and triple bonds, in pm.
MARGINS = (10.0, 5.0, 3.0)

#: Sums of bond orders that an atom may have.
VALENCES: dict[str, tuple[int, ...]] = {
    "H": (1,), "B": (3,), "C": (4,), "N": (3,), "O": (2,), "F": (1,), "Al": (3,), "Si": (4,),
    "P": (3, 5), "S": (4,), "Cl": (1,), "As": (3,), "Br": (1,), "I": (1,),
}  # fmt: skip


@lru_cache(maxsize=1)
def longest_bonds() -> np.ndarray:
    """Longest single, double and triple bonds in Angstrom, (3, n_elements, n_elements).

    Indexed by atomic numbers; zero where there is no such bond.
    """
    n_elements = len(chemical_symbols)
    longest = np.zeros((3, n_elements, n_elements))
    with Path(__file__).with_name("bond_lengths.csv").open() as file:
        rows = list(csv.reader(line for line in file if not line.startswith("#")))
    for first, second, *lengths in rows:
        i, j = atomic_numbers[first], atomic_numbers[second]
        for order, (length, margin) in enumerate(zip(lengths, MARGINS, strict=True)):
            if length:
                longest[order, i, j] = longest[order, j, i] = (float(length) + margin) / 100
    return longest


def bond_orders(atoms: Atoms) -> np.ndarray:
    """Orders of all bonds, (n_atoms, n_atoms), 0 where there is none.

    A pair has a double bond only if it is short enough for a single one, and so on.
    """
    distances = cdist(atoms.positions, atoms.positions)
    longest = longest_bonds()[:, atoms.numbers[:, None], atoms.numbers]  # (3, n_atoms, n_atoms)
    short = np.logical_and.accumulate(distances < longest, axis=0)
    orders = short.sum(axis=0)
    np.fill_diagonal(orders, 0)
    return orders


def unknown_elements(atoms: Atoms) -> list[str]:
    """Symbols of elements for which the measure has no valence."""
    return sorted(set(atoms.get_chemical_symbols()) - VALENCES.keys())
