import numpy as np
import pytest

from schnetpack_molfield.datasets import Request, read_archive, read_frames


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
    np.testing.assert_array_equal(labels["charges"], molecules["charges_e"][2:5])
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


def first(path, **request):
    return next(read_frames(path, Request(**request)).read())


@pytest.mark.parametrize("key", ["cell", "cell_A", "lattice", "box", "cells"])
@pytest.mark.parametrize("shape", [(5, 3, 3), (3, 3), (5, 9), (5, 3)])
def test_boxes_under_their_usual_names(save, frames, key: str, shape) -> None:
    cell = frames.pop("cell_A")
    frames[key] = {
        (3, 3): cell[0], (5, 9): cell.reshape(5, 9), (5, 3): np.full((5, 3), 9.0)
    }.get(shape, cell)  # fmt: skip
    atoms, _ = first(save(frames))
    assert atoms.pbc.all()
    np.testing.assert_array_equal(atoms.cell, np.eye(3) * 9)


def test_vectors_of_a_box_are_rows(save, frames) -> None:
    frames["cell"] = np.tile([[9.0, 0, 0], [1, 9, 0], [0, 2, 9]], (5, 1, 1))
    del frames["cell_A"]
    assert first(save(frames)).atoms.cell[1].tolist() == [1, 9, 0]


def test_box_in_another_unit_and_its_directions(save, frames) -> None:
    frames["cell_bohr"] = frames.pop("cell_A")
    frames["pbc"] = np.array([True, True, False])
    atoms, _ = first(save(frames))
    assert atoms.pbc.tolist() == [True, True, False]
    np.testing.assert_allclose(atoms.cell, np.eye(3) * 9 * 0.529177210903, rtol=1e-8)


def test_positions_in_another_unit(save, frames) -> None:
    frames["R_bohr"] = frames["R"].astype(float) / 0.529177210903
    expected = frames.pop("R")
    atoms, labels = first(save(frames))
    np.testing.assert_allclose(atoms.positions, expected[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("key", ["Cell", "cell_vectors", "box_size", "latice", "periodic"])
def test_key_that_may_be_a_box_is_refused_by_name(save, frames, key: str) -> None:
    frames[key] = frames.pop("cell_A")
    with pytest.raises(ValueError, match=f"{key!r} isn't a key that is read; did you mean 'cell'"):
        read_archive(save(frames))


def test_two_keys_for_one_thing(save, frames) -> None:
    with pytest.raises(ValueError, match="'Z' and 'nuclear_charges' mean the same"):
        read_archive(save(frames | {"nuclear_charges": frames["Z"]}))


@pytest.mark.parametrize("column", [False, True])
def test_md17(save, frames, column: bool) -> None:
    energies = frames["E_eV"][:, None] if column else frames["E_eV"]
    archive = {
        "z": frames["Z"], "R": frames["R"], "E": energies, "F": frames["F_eV_A"],
        "name": "ethanol", "theory": "PBE", "md5": "0", "type": "d",
    }  # fmt: skip
    source = read_archive(save(archive))
    assert source.units == {"energy": "kcal/mol", "forces": "kcal/mol/Ang"}
    labels = list(source.read())[2].properties
    np.testing.assert_array_equal(labels["energy"], frames["E_eV"][2:3])
    np.testing.assert_array_equal(labels["forces"], frames["F_eV_A"][2])


def test_sgdml_states_its_units(save, frames) -> None:
    archive = {"z": frames["Z"], "R": frames["R"], "E": frames["E_eV"], "F": frames["F_eV_A"]}
    source = read_archive(save(archive | {"e_unit": "eV", "r_unit": "Ang"}))
    assert source.units == {"energy": "eV", "forces": "eV/Ang"}
    with pytest.raises(ValueError, match="rows or as columns"):
        read_archive(save(archive | {"lattice": np.array([[9.0, 1, 0], [0, 9, 0], [0, 0, 9]])}))


def test_rmd17(save, frames) -> None:
    archive = {
        "nuclear_charges": frames["Z"], "coords": frames["R"], "energies": frames["E_eV"],
        "forces": frames["F_eV_A"], "old_energies": frames["E_eV"] + 1,
        "old_forces": frames["F_eV_A"] + 1, "old_indices": np.arange(5),
    }  # fmt: skip
    source = read_archive(save(archive))
    assert source.units == {"energy": "kcal/mol", "forces": "kcal/mol/Ang"}
    assert next(source.read()).properties["energy"].tolist() == [frames["E_eV"][0]]
    assert set(source.left_out) == {"old_energies", "old_forces"}


def test_energy_without_a_unit_is_asked_for(save, frames) -> None:
    archive = {"Z": frames["Z"], "R": frames["R"], "energy": frames["E_eV"]}
    with pytest.raises(ValueError, match="the unit of 'energy' isn't known"):
        read_archive(save(archive))
    source = read_archive(save(archive), {"energy": "kJ/mol"})
    assert source.units == {"energy": "kJ/mol"}


def test_padded_molecules(save) -> None:
    archive = {
        "Z": np.array([[8, 1, 1], [1, 1, 0]]),
        "R": np.arange(18.0).reshape(2, 3, 3),
        "N": np.array([3, 2]),
        "E_eV": np.array([1.0, 2.0]),
        "F_eV_A": np.arange(18.0).reshape(2, 3, 3),
    }
    water, hydrogen = read_archive(save(archive)).read()
    assert hydrogen.atoms.numbers.tolist() == [1, 1]
    assert hydrogen.properties["forces"].tolist() == [[9, 10, 11], [12, 13, 14]]
    assert water.properties["forces"].shape == (3, 3)
    with pytest.raises(ValueError, match="molecule 1 has 3 atoms, but the atomic numbers"):
        read_archive(save(archive | {"N": np.array([3, 3])}))


def test_symbols_and_types(save, frames) -> None:
    numbers = frames.pop("Z")
    symbols = save(frames | {"species": np.array(["O", "H", "D"])})
    assert first(symbols).atoms.numbers.tolist() == [8, 1, 1]
    types = save(frames | {"types": np.array([0, 1, 1])})
    with pytest.raises(ValueError, match="the types 0, 1 and no elements; pass --map"):
        read_archive(types)
    assert first(types, elements={"0": "O", "1": "H"}).atoms.numbers.tolist() == numbers.tolist()


def test_tensor_that_may_be_rows_of_atoms_is_asked_about(save, frames) -> None:
    path = save(frames | {"alignment_eV": np.tile(np.arange(9.0).reshape(3, 3), (5, 1, 1))})
    with pytest.raises(ValueError, match="--per-atom alignment_eV or --per-molecule alignment_eV"):
        first(path)
    assert first(path, per_atom={"alignment_eV"}).properties["alignment"].shape == (3, 3)
    assert first(path, per_molecule={"alignment_eV"}).properties["alignment"].shape == (1, 3, 3)


@pytest.mark.parametrize("key", ["polarizability_bohr3", "stress_eV_A3"])
@pytest.mark.parametrize("shape", [(5, 3, 3), (5, 9)])
def test_tensors_of_three_atoms(save, frames, key: str, shape) -> None:
    tensor = np.tile(np.eye(3) + np.arange(3), (5, 1, 1))
    (value,) = (
        first(save(frames | {key: tensor.reshape(shape)}), properties={key: None})
    ).properties.values()
    np.testing.assert_array_equal(value, tensor[:1])


def test_energies_of_another_number_of_frames(save, frames) -> None:
    with pytest.raises(ValueError, match=r"'E_eV' has shape \(4,\), but there are 5 frames"):
        read_archive(save(frames | {"E_eV": np.zeros(4)}))


@pytest.mark.parametrize(
    ("key", "table"),
    [
        ("iso_atom_E_eV", [[1.0, -13.6], [8.0, -430.0]]),
        ("atomrefs", [0, -13.6, 0, 0, 0, 0, 0, 0, -430.0]),
        ("E0s", [[8, -430.0], [1, -13.6]]),
    ],
)
def test_references(save, frames, key: str, table: list) -> None:
    del frames["iso_atom_E_eV"]
    source = read_archive(save(frames | {key: np.array(table)}))
    assert source.references == {"energy": {1: -13.6, 8: -430.0}}


def test_references_follow_the_unit_of_their_label(save, frames) -> None:
    frames["E_meV"] = frames.pop("E_eV") * 1000
    frames["iso_atom_E_meV"] = frames.pop("iso_atom_E_eV") * [1, 1000]
    references = read_archive(save(frames)).references["energy"]
    assert references == pytest.approx({1: -13.6, 8: -430.0})


def test_units_in_words(save, frames) -> None:
    frames["E"] = frames.pop("E_eV")
    del frames["iso_atom_E_eV"]
    assert read_archive(save(frames | {"energy_unit": "kcal/mol"})).units["energy"] == "kcal/mol"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Z": np.array([8.0, 1.0, 1.5])}, "'Z' holds 1.5, which is no atomic number"),
        ({"E_eV": np.array(["1.0"] * 5)}, "'E_eV' holds <U3 values, expected real numbers"),
        ({"E_eV": np.ones(5, dtype=complex)}, "'E_eV' holds complex128 values"),
        ({"iso_atom_E_eV": np.array([-13.6, -430.0])}, "has a value for atomic number 0"),
    ],
)
def test_numbers_of_another_kind(save, frames, change, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_archive(save(frames | change))
