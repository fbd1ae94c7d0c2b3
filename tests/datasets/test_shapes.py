import numpy as np
import pytest

from schnetpack_molfield.datasets.catalogue import property_of
from schnetpack_molfield.datasets.shapes import shaped


def shape(name: str, value: np.ndarray, n_atoms: int = 3, per_atom: bool | None = None):
    return shaped(np.asarray(value), property_of(name), per_atom, n_atoms, name)


@pytest.mark.parametrize("found", [(), (1,), (1, 1)])
def test_one_energy(found: tuple[int, ...]) -> None:
    assert shape("energy", np.full(found, -1.5)).tolist() == [-1.5]


@pytest.mark.parametrize("n_atoms", [1, 3, 9])
@pytest.mark.parametrize("found", [(9,), (3, 3), (1, 3, 3), (1, 9)])
def test_nine_numbers_are_a_tensor_of_the_molecule(found, n_atoms: int) -> None:
    tensor = shape("polarizability", np.arange(9.0).reshape(found), n_atoms)
    assert tensor.tolist() == [[[0, 1, 2], [3, 4, 5], [6, 7, 8]]]


@pytest.mark.parametrize("found", [(3, 3), (9,), (1, 3, 3)])
def test_nine_numbers_of_three_atoms_are_their_forces(found) -> None:
    forces = shape("forces", np.arange(9.0).reshape(found))
    assert forces.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


def test_six_numbers_of_a_stress_are_in_the_order_of_ase() -> None:
    expected = [[[0, 5, 4], [5, 1, 3], [4, 3, 2]]]
    assert shape("stress", np.arange(6.0)).tolist() == expected


def test_six_numbers_of_a_virial_have_no_order() -> None:
    with pytest.raises(ValueError, match="'virial' has six numbers, which programs order"):
        shape("virial", np.arange(6.0))


def test_vector_of_three_atoms() -> None:
    assert shape("dipole", np.arange(3.0)).shape == (1, 3)
    assert shape("charges", np.arange(3.0)).shape == (3,)


def test_dipole_moment_is_a_vector_or_its_length() -> None:
    assert shape("dipole_moment", np.array(1.5)).shape == (1,)
    assert shape("dipole_moment", np.arange(3.0)).shape == (1, 3)


def test_unknown_properties_are_as_the_file_says() -> None:
    assert shape("anything", np.zeros((3, 3)), per_atom=True).shape == (3, 3)
    assert shape("anything", np.zeros((3, 3)), per_atom=False).shape == (1, 3, 3)


@pytest.mark.parametrize(
    ("name", "found", "message"),
    [
        ("energy", (3,), r"'energy' has shape \(3,\), expected \(1,\): one value for the molecule"),
        ("forces", (3, 2), r"expected \(3, 3\): one value for each of the 3 atoms"),
        ("forces", (4, 3), r"'forces' has shape \(4, 3\)"),
        ("polarizability", (6,), r"'polarizability' has shape \(6,\), expected \(1, 3, 3\)"),
        ("dipole", (3, 3), r"expected \(1, 3\)"),
        ("dipole_moment", (2,), r"expected \(1,\) or \(1, 3\)"),
    ],
)
def test_other_shapes_are_refused(name: str, found, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        shape(name, np.zeros(found))
