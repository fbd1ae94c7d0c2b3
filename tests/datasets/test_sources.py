"""What becomes of the labels of a file: values in the database's shapes and units."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.lj import LennardJones
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from schnetpack_molfield.datasets import Request, read_frames, read_structures, write_database
from schnetpack_molfield.datasets.frames import Frame

STRESS = np.array([[1.0, 0.4, 0.5], [0.4, 2.0, 0.6], [0.5, 0.6, 3.0]])
VOIGT = np.array([1.0, 2.0, 3.0, 0.6, 0.5, 0.4])


def box(**info: object) -> Atoms:
    atoms = Atoms(
        "NaCl", [[0, 0, 0], [0, 0, 2.8]], cell=[[0, 4, 0], [4, 0, 1], [0, 0, 5]], pbc=True
    )
    atoms.info |= info
    return atoms


def read(path: Path, frames: list[Atoms], **request: object) -> list[Frame]:
    write(path, frames, format="extxyz")
    return list(read_frames(path, Request(**request)).read())


@pytest.mark.parametrize("key", ["virial", "virials"])
def test_virial_is_minus_stress_times_volume(tmp_path: Path, key: str) -> None:
    atoms = box(**{key: -STRESS * 80.0})  # a left-handed cell of 80 Angstrom^3
    (frame,) = read(tmp_path / "a.xyz", [atoms], names={key: "virial"} if key[-1] == "s" else {})
    np.testing.assert_allclose(frame.properties["stress"], STRESS[None], rtol=0, atol=1e-12)


def test_virial_agrees_with_a_calculator(tmp_path: Path) -> None:
    """What QUIP, MACE and NequIP write: the derivative of the energy with a minus sign."""
    atoms = bulk("Ar", a=5.2, cubic=True)
    atoms.calc = LennardJones(sigma=3.4, epsilon=0.0104, rc=5.0)
    stress = atoms.get_stress(voigt=False)
    labelled = atoms.copy()
    labelled.info["virial"] = -stress * atoms.get_volume()
    (frame,) = read(tmp_path / "a.xyz", [labelled])
    np.testing.assert_allclose(frame.properties["stress"][0], stress, rtol=0, atol=1e-8)


def test_frames_with_a_virial_beside_frames_with_a_stress(tmp_path: Path) -> None:
    second = box()
    second.calc = SinglePointCalculator(second, stress=VOIGT)
    frames = read(tmp_path / "a.xyz", [box(virial=-STRESS * 80.0), second])
    for frame in frames:
        np.testing.assert_allclose(frame.properties["stress"], STRESS[None], rtol=0, atol=1e-12)


def test_virial_and_stress_that_contradict_each_other(tmp_path: Path) -> None:
    atoms = box(virial=STRESS * 80.0)  # the other sign
    atoms.calc = SinglePointCalculator(atoms, stress=VOIGT)
    with pytest.raises(ValueError, match="frame 0: 'virial' and 'stress' contradict each other"):
        read(tmp_path / "a.xyz", [atoms])
    atoms.info["virial"] = -STRESS * 80.0
    assert "stress" in read(tmp_path / "a.xyz", [atoms])[0].properties


def test_virial_without_a_volume(tmp_path: Path) -> None:
    atoms = molecule("H2O")
    atoms.info["virial"] = STRESS
    with pytest.raises(ValueError, match="frame 0: it has a virial but isn't periodic"):
        read(tmp_path / "a.xyz", [atoms])


def test_tensors_by_property_and_not_by_size(tmp_path: Path) -> None:
    atoms = molecule("H2O")
    atoms.info["polarizability"] = np.arange(9.0)
    units = {"polarizability": "bohr^3"}
    (frame,) = read(tmp_path / "a.xyz", [atoms], properties=units)
    assert frame.properties["polarizability"].tolist() == [[[0, 1, 2], [3, 4, 5], [6, 7, 8]]]


def test_column_of_energies_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text(
        "2\nProperties=species:S:1:pos:R:3:energy:R:1\nH 0 0 0 -1\nH 0 0 0.74 -1\n"
    )
    with pytest.raises(ValueError, match=r"frame 0: 'energy' has shape \(2,\), expected \(1,\)"):
        list(read_structures(tmp_path / "a.xyz").read())


def test_units_are_converted_or_kept(tmp_path: Path) -> None:
    atoms = molecule("H2O")
    atoms.calc = SinglePointCalculator(atoms, energy=-2.0, dipole=[0.0, 0.0, 1.0])
    write(tmp_path / "a.xyz", atoms, format="extxyz")
    source = read_frames(tmp_path / "a.xyz", Request({"energy": "meV", "dipole": None}))
    assert source.units == {"energy": "eV", "dipole": "Debye"}
    labels = next(source.read()).properties
    assert labels["energy"].tolist() == [-0.002]
    np.testing.assert_allclose(labels["dipole"], [[0, 0, 4.803205]], rtol=0, atol=1e-6)


def test_isolated_atoms_are_the_references(tmp_path: Path) -> None:
    frames = [molecule("H2O"), Atoms("O"), Atoms("H"), Atoms("O")]
    for atoms, energy in zip(frames, [-470.0, -430.0, -13.6, -431.0], strict=True):
        atoms.calc = SinglePointCalculator(atoms, energy=energy)
        if len(atoms) == 1:
            atoms.info["config_type"] = "IsolatedAtom"
    write(tmp_path / "a.xyz", frames, format="extxyz")
    references = read_structures(tmp_path / "a.xyz").references
    assert references == {"energy": {8: -431.0, 1: -13.6}}


def test_references_that_lack_an_element_are_not_kept(tmp_path: Path) -> None:
    frames = [molecule("H2O"), Atoms("O")]
    for atoms, energy in zip(frames, [-470.0, -430.0], strict=True):
        atoms.calc = SinglePointCalculator(atoms, energy=energy)
    frames[1].info["config_type"] = "isolated_atom"
    write(tmp_path / "a.xyz", frames, format="extxyz")
    notes: list[str] = []
    write_database(tmp_path / "a.db", [read_structures(tmp_path / "a.xyz")], note=notes.append)
    assert notes == ["single-atom values of energy aren't kept: there is none of H"]


@pytest.mark.parametrize(("unit", "factor"), [("bohr", 0.529177210903), ("nm", 10.0)])
def test_lengths_that_are_no_angstrom_are_asked_about(tmp_path: Path, unit, factor) -> None:
    atoms = molecule("CH3CH2OH", vacuum=4.0, pbc=True)
    expected = atoms.copy()
    atoms.set_cell(atoms.cell / factor, scale_atoms=True)
    write(tmp_path / "a.xyz", atoms, format="extxyz")
    with pytest.raises(ValueError, match=f"as if its lengths were in {unit}; name their unit by"):
        write_database(tmp_path / "a.db", [read_structures(tmp_path / "a.xyz")])
    source = read_frames(tmp_path / "a.xyz", Request(length_unit=unit))
    (frame,) = source.read()
    np.testing.assert_allclose(frame.atoms.positions, expected.positions, rtol=0, atol=1e-6)
    np.testing.assert_allclose(frame.atoms.cell, expected.cell, rtol=0, atol=1e-6)
    assert write_database(tmp_path / "a.db", [source]) == [[0]]


def test_lengths_that_are_stated_are_not_asked_about(tmp_path: Path) -> None:
    atoms = molecule("CH3CH2OH")
    atoms.positions *= 0.53
    write(tmp_path / "a.xyz", atoms, format="extxyz")
    with pytest.raises(ValueError, match="had been taken for bohr"):
        write_database(tmp_path / "a.db", [read_structures(tmp_path / "a.xyz")])
    source = read_frames(tmp_path / "a.xyz", Request(length_unit="Ang"))
    assert write_database(tmp_path / "a.db", [source]) == [[0]]
