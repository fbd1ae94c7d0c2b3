"""The test structures are what their names say."""

import numpy as np
import pytest

from schnetpack_molfield.testing import MOLECULES, PATHS, molecule
from schnetpack_molfield.testing.molecules import CHIRAL, PERIODIC, SYMMETRY
from schnetpack_molfield.testing.paths import cutoff_paths


def test_no_atoms_overlap() -> None:
    for name in MOLECULES + CHIRAL + PERIODIC:
        distances = molecule(name).get_all_distances(mic=name in PERIODIC)
        assert (distances + 9 * np.eye(len(distances))).min() > 0.7, name


@pytest.mark.parametrize("name", SYMMETRY)
def test_symmetry_is_exact(name: str) -> None:
    atoms = molecule(name)
    for matrix in SYMMETRY[name]:
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), rtol=0, atol=1e-15)
        moved = atoms.positions @ matrix.T  # (n_atoms, 3)
        distances = np.linalg.norm(moved[:, None] - atoms.positions[None], axis=-1)
        assert distances.min(axis=1).max() < 1e-14
        assert (atoms.numbers[distances.argmin(axis=1)] == atoms.numbers).all()


def test_formulas() -> None:
    assert molecule("aspirin").get_chemical_formula() == "C9H8O4"
    assert molecule("water box").get_chemical_formula() == "H16O8"


def test_diastereomers_are_what_they_are_called() -> None:
    meso, chiral = molecule("meso CHFCl-CHFCl"), molecule("chiral CHFCl-CHFCl")
    fluorines = [i for i, symbol in enumerate(meso.symbols) if symbol == "F"]
    inverted = np.linalg.norm(meso.positions[:, None] + meso.positions[None], axis=-1)
    assert inverted.min(axis=1).max() < 1e-14
    assert (meso.numbers[inverted.argmin(axis=1)] == meso.numbers).all()
    assert sorted(meso.symbols) == sorted(chiral.symbols)
    other = [i for i, symbol in enumerate(chiral.symbols) if symbol == "F"]
    assert abs(meso.get_distance(*fluorines) - chiral.get_distance(*other)) > 0.1


def test_each_copy_is_fresh() -> None:
    molecule("H2O").positions += 1
    assert molecule("H2O").positions[0, 0] == 0


def test_unknown_name_is_guessed() -> None:
    with pytest.raises(KeyError, match="did you mean 'aspirin'"):
        molecule("asprin")
    with pytest.raises(KeyError, match="choose from H, He"):
        molecule("zzzzzz")


@pytest.mark.parametrize("name", PATHS)
def test_paths_are_continuous(name: str) -> None:
    path = PATHS[name]
    step = np.abs(path(1e-6).positions - path(0.0).positions).max()
    assert 1e-7 < step < 3e-6


def test_visitors_cross_the_cutoff_of_one_atom_only() -> None:
    for path in cutoff_paths(4.0).values():
        distances = np.sort(path(0.0).get_all_distances()[-1, :-1])
        assert distances[0] == pytest.approx(4.0, abs=1e-12)
        assert (distances[1:] > 4.01).all()
