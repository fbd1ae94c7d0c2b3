"""Elements of atoms whose file gives types: numbers, names of a force field, isotopes, dummies."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from ase.data import atomic_numbers

from schnetpack_molfield.checks import did_you_mean

__all__ = [
    "atomic_number_of",
    "elements_of_types",
    "map_of_types",
    "no_element",
    "types_known_to_ase",
]

#: Hydrogen's isotopes have symbols of their own; energies and forces are those of hydrogen.
HYDROGEN = {"D": "H", "T": "H"}

_SYMBOLS = {symbol: number for symbol, number in atomic_numbers.items() if number > 0}


def map_of_types(items: Iterable[str]) -> dict[str, str]:
    """Read `1=O,2=H`, the elements of atom types.

    Raises:
        ValueError: for anything else, or an element that doesn't exist.
    """
    elements = {}
    for item in ",".join(items).split(","):
        name, _, symbol = item.strip().partition("=")
        if not item.strip():
            continue
        if not name or not symbol:
            raise ValueError(f"--map {item}: expected TYPE=ELEMENT, for example 1=O,2=H")
        if symbol not in _SYMBOLS:
            hint = did_you_mean(symbol, _SYMBOLS) if symbol.isalpha() else "expected a symbol"
            raise ValueError(f"--map {item}: {symbol!r} is no element: {hint}")
        elements[name] = symbol
    return elements


def atomic_number_of(name: str, elements: Mapping[str, str]) -> int:
    """Atomic number of an atom type.

    Raises:
        ValueError: if it is no element and isn't mapped to one.
    """
    symbol = elements.get(name) or HYDROGEN.get(name, name)
    if symbol not in _SYMBOLS:
        symbol = symbol.capitalize()
    if symbol not in _SYMBOLS:
        raise ValueError(no_element(name))
    return _SYMBOLS[symbol]


def elements_of_types(types: np.ndarray, elements: Mapping[str, str]) -> np.ndarray:
    """Atomic numbers (n_atoms,) of numbered or named types (n_atoms,).

    Raises:
        ValueError: naming all types that aren't mapped to an element.
    """
    names = [str(name) for name in types.tolist()]
    unknown = sorted(set(names) - elements.keys(), key=lambda name: (len(name), name))
    if unknown:
        example = ",".join(f"{name}=ELEMENT" for name in unknown)
        raise ValueError(
            f"its atoms have the types {', '.join(unknown)} and no elements; pass --map {example}"
        )
    return np.array([_SYMBOLS[elements[name]] for name in names])


def no_element(name: str) -> str:
    """One line on an atom type that is no element, with a way out."""
    isotope = re.fullmatch(r"\d*([A-Z][a-z]?)\d*", name)
    if name in ("X", "Xx", "*"):
        return f"{name!r} is a dummy atom, no element: leave it out, or pass --map {name}=ELEMENT"
    if isotope and isotope[1] in _SYMBOLS:
        return f"{name!r} is no element; if it is {isotope[1]}, pass --map {name}={isotope[1]}"
    return f"{name!r} is no element; pass --map {name}=ELEMENT"


@contextmanager
def types_known_to_ase(elements: Mapping[str, str]) -> Iterator[None]:
    """ASE looks symbols up in one table; for a while that has the mapped types, too."""
    added = {**HYDROGEN, **elements}
    added |= {name.capitalize(): symbol for name, symbol in added.items()}  # as ASE's readers do
    before = {name: atomic_numbers.get(name) for name in added}
    atomic_numbers.update({name: _SYMBOLS[symbol] for name, symbol in added.items()})
    try:
        yield
    finally:
        for name, number in before.items():
            if number is None:
                del atomic_numbers[name]
            else:
                atomic_numbers[name] = number
