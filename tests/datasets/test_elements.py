import numpy as np
import pytest
from ase.data import atomic_numbers

from schnetpack_molfield.datasets.elements import (
    atomic_number_of,
    elements_of_types,
    map_of_types,
    types_known_to_ase,
)


def test_map() -> None:
    assert map_of_types(["1=O,2=H", "opls_135=C"]) == {"1": "O", "2": "H", "opls_135": "C"}


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("1", "expected TYPE=ELEMENT"),
        ("1=", "expected TYPE=ELEMENT"),
        ("1=8", "'8' is no element: expected a symbol"),
        ("1=X", "'X' is no element"),
        ("1=cl", "did you mean 'Cl'"),
    ],
)
def test_bad_map(item: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        map_of_types([item])


def test_types() -> None:
    types = np.array([2, 1, 2])
    assert elements_of_types(types, {"1": "O", "2": "H"}).tolist() == [1, 8, 1]
    with pytest.raises(ValueError, match="the types 1, 2 and no elements; pass --map 1=ELEMENT,2"):
        elements_of_types(types, {})


@pytest.mark.parametrize(("name", "number"), [("O", 8), ("cl", 17), ("D", 1), ("T", 1)])
def test_symbols(name: str, number: int) -> None:
    assert atomic_number_of(name, {}) == number


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("O16", "if it is O, pass --map O16=O"),
        ("13C", "if it is C, pass --map 13C=C"),
        ("X", "dummy atom"),
        ("Qq", "'Qq' is no element; pass --map Qq=ELEMENT"),
    ],
)
def test_what_is_no_element_says_what_to_do(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        atomic_number_of(name, {})
    assert atomic_number_of(name, {name: "F"}) == 9


def test_ase_forgets_the_types() -> None:
    before = dict(atomic_numbers)
    with types_known_to_ase({"1": "O", "X": "H", "opls_1": "C"}):
        assert (atomic_numbers["1"], atomic_numbers["X"], atomic_numbers["Opls_1"]) == (8, 1, 6)
    assert atomic_numbers == before
