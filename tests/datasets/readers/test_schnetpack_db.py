from pathlib import Path

import numpy as np
import pytest
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from schnetpack.data import ASEAtomsData

from schnetpack_molfield.datasets import read_structures, write_database

FORCES = np.arange(9.0).reshape(3, 3)


def database(path: Path, units: dict[str, str], length: str = "Ang", scale: float = 1.0) -> Path:
    data = ASEAtomsData.create(
        str(path), distance_unit=length, property_unit_dict=units, atomrefs={"energy": [0, -0.5]}
    )
    data.update_metadata(molecule="water", level="HF")
    atoms = molecule("H2O")
    atoms.positions *= scale
    labels = {"energy": np.array([-76.0]), "forces": FORCES, "tensor": FORCES[None]}
    data.add_systems([{name: labels[name] for name in units}] * 2, [atoms] * 2)
    return path


def test_labels_units_and_references_come_along(tmp_path: Path) -> None:
    path = database(tmp_path / "a.db", {"energy": "Ha", "forces": "Ha/Bohr", "tensor": "arb. unit"})
    write_database(tmp_path / "b.db", [read_structures(path)])
    new = ASEAtomsData(str(tmp_path / "b.db"))
    assert new.units == {"energy": "Ha", "forces": "Ha/Bohr", "tensor": "arb. unit"}
    assert new.metadata["level"] == "HF"
    assert new.metadata["molecule"] == "water"
    sample = new[1]
    assert sample["energy"].tolist() == [-76.0]
    assert sample["forces"].tolist() == FORCES.tolist()
    assert sample["tensor"].tolist() == [FORCES.tolist()]


def test_endings_in_capitals_and_what_is_no_database(tmp_path: Path) -> None:
    path = database(tmp_path / "a.db", {"energy": "Ha"}).rename(tmp_path / "a.DB")
    assert read_structures(path).units == {"energy": "Ha"}
    (tmp_path / "b.db").write_text("no database " * 100)
    with pytest.raises(ValueError, match="not a readable database"):
        read_structures(tmp_path / "b.db")


def test_references_need_all_elements(tmp_path: Path) -> None:
    path = database(tmp_path / "a.db", {"energy": "Ha"})
    notes: list[str] = []
    write_database(tmp_path / "b.db", [read_structures(path)], note=notes.append)
    assert notes == ["single-atom values of energy aren't kept: there is none of O"]
    assert read_structures(path).references == {"energy": {1: -0.5}}


def test_lengths_and_units_that_schnetpack_lacks(tmp_path: Path) -> None:
    path = database(tmp_path / "a.db", {"forces": "eV/A"}, "Bohr", 1 / 0.529177210903)
    source = read_structures(path)
    assert source.units == {"forces": "eV/Ang"}
    positions = next(source.read()).atoms.positions
    np.testing.assert_allclose(positions, molecule("H2O").positions, rtol=0, atol=1e-9)


def test_unknown_unit(tmp_path: Path) -> None:
    path = database(tmp_path / "a.db", {"forces": "foo"})
    with pytest.raises(ValueError, match="'foo' is no known unit of 'forces'; known are eV/Ang"):
        read_structures(path)


def test_databases_of_ase(tmp_path: Path) -> None:
    atoms = molecule("H2O")
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0, forces=FORCES)
    with connect(tmp_path / "a.db") as connection:
        connection.write(atoms, gap=2.0)
    source = read_structures(tmp_path / "a.db")
    assert source.units == {"energy": "eV", "forces": "eV/Ang"}
    assert source.left_out == ("gap",)
    assert read_structures(tmp_path / "a.db", {"gap": "eV"}).units == {"gap": "eV"}
