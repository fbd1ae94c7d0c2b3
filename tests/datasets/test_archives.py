import numpy as np
import pytest

from schnetpack_molfield.datasets import read_archive


def test_frames_of_one_composition(save, frames) -> None:
    source = read_archive(save(frames))
    read = list(source.read())
    assert source.count == len(read) == 5
    assert source.units == {"energy": "eV", "forces": "eV/Ang", "dipole": "Debye"}
    assert source.split.tolist() == [0, 0, 0, 0, 1]
    atoms, labels = read[2]
    assert atoms.numbers.tolist() == [8, 1, 1]
    assert atoms.pbc.all()
    np.testing.assert_array_equal(atoms.positions, frames["R"][2])
    np.testing.assert_array_equal(labels["energy"], frames["E_eV"][2:3])
    np.testing.assert_array_equal(labels["forces"], frames["F_eV_A"][2])
    # three numbers of a three-atom molecule are one vector, not a number for each atom
    np.testing.assert_array_equal(labels["dipole"], frames["dipole_Debye"][2:3])
    assert source.atomrefs["energy"][8] == -430.0


def test_ragged_molecules(save, molecules) -> None:
    source = read_archive(save(molecules), {"energy_U0": None, "charges_e": "e", "dipole": None})
    sizes = [len(atoms) for atoms, _ in source.read()]
    assert sizes == [2, 3, 1]
    atoms, labels = list(source.read())[1]
    assert atoms.numbers.tolist() == [8, 1, 1]
    np.testing.assert_array_equal(labels["charges_e"], molecules["charges_e"][2:5])
    np.testing.assert_array_equal(labels["dipole"], molecules["dipole_Debye"][1:2])
    np.testing.assert_array_equal(labels["energy_U0"], [-76.4])


def test_qm9_brings_its_single_atom_energies(save, molecules) -> None:
    assert read_archive(save(molecules)).atomrefs["energy_U0"][6] == -37.846772
    del molecules["qm9_index"]
    assert not read_archive(save(molecules)).atomrefs


def test_other_unit_gets_no_references(save, molecules) -> None:
    assert not read_archive(save(molecules), {"energy_U0": "eV"}).atomrefs


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"R": None}, "expected the keys Z and R"),
        ({"R": np.zeros((4, 2, 3))}, r"Z has shape \(3,\) and R \(4, 2, 3\)"),
        ({"n_atoms": np.array([2, 2])}, r"n_atoms adds up to 4 atoms"),
    ],
)
def test_wrong_shapes(save, frames, change, message: str) -> None:
    arrays = {key: value for key, value in (frames | change).items() if value is not None}
    with pytest.raises(ValueError, match=message):
        read_archive(save(arrays))


@pytest.mark.parametrize("keep", [0, 1, 40, 400])
def test_truncated_file(save, frames, keep: int) -> None:
    path = save(frames)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match="not a readable numpy archive"):
        read_archive(path)
