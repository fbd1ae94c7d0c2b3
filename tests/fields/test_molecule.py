"""Charges and lengths of structures."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.units import Bohr

from schnetpack_molfield.fields.lengths import unusual_lengths
from schnetpack_molfield.fields.molecule import angstrom_per, total_charge

MOLECULES = ["H2O", "CH3CH2OH", "C6H6", "CO2", "HCN", "SiH4", "CH3SiH3", "H2", "N2", "Na2", "P2"]


@pytest.mark.parametrize("name", MOLECULES)
def test_bonds_tell_the_unit(name):
    atoms = molecule(name)
    assert unusual_lengths(atoms) is None
    for unit, scale in (("nm", 0.1), ("Angstrom and had been taken for bohr", Bohr)):
        other = Atoms(atoms.numbers, scale * atoms.positions)
        assert str(unusual_lengths(other)).endswith(unit)
    if len(atoms) > 2:
        for unit, scale in (("bohr", 1 / Bohr), ("pm", 100.0)):
            other = Atoms(atoms.numbers, scale * atoms.positions)
            found = unusual_lengths(other)
            assert found.unit == unit and found.angstrom == pytest.approx(1 / scale)


@pytest.mark.parametrize(
    "atoms",
    [
        Atoms("He"),
        Atoms("Ar3", [[0, 0, 0], [3.8, 0, 0], [0, 3.8, 0]]),
        Atoms("H2", [[0, 0, 0], [2.0, 0, 0]]),  # on its way to two atoms
        Atoms("NaCl", [[0, 0, 0], [2.8, 0, 0]]),
        Atoms("O4", 2.8 * np.eye(4, 3)),  # waters of a PDB file
        Atoms("C5", [[3.8 * i, 0, 0] for i in range(5)]),  # a trace of alpha carbons
        bulk("Cu", cubic=True) * 2,
    ],
)
def test_what_is_usual(atoms):
    assert unusual_lengths(Atoms(atoms.numbers, atoms.positions)) is None


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("Ang", 1), ("angstrom", 1), ("Bohr", Bohr), ("a0", Bohr), ("nm", 10), ("pm", 0.01)],
)
def test_units_of_length(unit, expected):
    assert angstrom_per(unit) == pytest.approx(expected)
    with pytest.raises(ValueError, match="unit of length 'bor'; did you mean 'bohr'"):
        angstrom_per("bor")


@pytest.mark.parametrize(
    ("info", "charge"),
    [({}, 0), ({"charge": -1}, -1), ({"total_charge": 2.0}, 2), ({"charge": np.int64(1)}, 1)],
)
def test_total_charge(info, charge):
    assert total_charge(Atoms("He", info=info)) == charge


@pytest.mark.parametrize("charge", ["x", 0.5, [1, 2], np.nan, np.inf])
def test_a_charge_that_is_none(charge):
    with pytest.raises(ValueError, match="charge must be a whole number"):
        total_charge(Atoms("H", info={"charge": charge}))
