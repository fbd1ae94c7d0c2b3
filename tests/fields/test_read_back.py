"""Molecules read back from fields: elements by channel, places within 0.01 Angstrom."""

import ase.build
import numpy as np
import pytest
import torch
from ase import Atoms
from scipy.spatial.distance import cdist

from schnetpack_molfield.fields import MolecularField, PromoleculeDensity, VectorFunction
from schnetpack_molfield.fields.read_back import element_channels

ELEMENTS = ["H", "C", "N", "O"]
SHARP = dict.fromkeys(ELEMENTS, 0.7)


def assert_same(read: Atoms, atoms: Atoms, tolerance: float = 0.01) -> None:
    assert sorted(read.numbers) == sorted(atoms.numbers)
    distances = cdist(read.positions, atoms.positions)
    nearest = distances.argmin(axis=1)
    assert len(set(nearest)) == len(atoms) and distances.min(axis=1).max() < tolerance
    assert (read.numbers == atoms.numbers[nearest]).all()


@pytest.mark.parametrize("name", ["CH4", "C6H6", "CH3CH2OH", "HCN", "H2O", "CH3CONH2", "CO2"])
def test_molecules(name, dtype):
    atoms = ase.build.molecule(name)
    atoms.rotate(37, (1, 2, 3))
    field = VectorFunction(ELEMENTS, radii=SHARP).of(atoms, dtype=dtype)
    read = field.to_atoms()
    assert_same(read, atoms)
    heavy = (read.numbers > 1).tolist()
    assert heavy == sorted(heavy, reverse=True)


def test_the_atoms_of_the_field_only_say_where_to_look():
    """A field whose own atoms are elsewhere, and of no element."""
    atoms = ase.build.molecule("CH3OH")
    exact = VectorFunction(ELEMENTS, radii=SHARP).of(atoms)
    field = MolecularField(exact.evaluate, Atoms("X", [[0.2, 0, 0]]), ELEMENTS)
    assert_same(field.to_atoms(margin=3.0), atoms)


def test_channels_of_a_complex():
    """Channels of ligand and protein, of several elements of one name, and of a property."""
    atoms = ase.build.molecule("CH3CH2OH")
    function = VectorFunction({"ligand:C": "C", "protein:O": "O", "H": "H"}, radii=SHARP)
    assert_same(function.of(atoms).to_atoms(), atoms)
    columns = element_channels(["functions.C", "electron_density", "ligand:N", "halogen", "O"])
    assert columns == {0: 6, 2: 7, 4: 8}


def test_nothing_to_read():
    atoms = ase.build.molecule("CH4")
    with pytest.raises(ValueError, match="no channel of this field is an element: electron_dens"):
        PromoleculeDensity().of(atoms).to_atoms()
    only_nitrogen = VectorFunction(["N"]).of(atoms)
    assert len(only_nitrogen.to_atoms()) == 0
    with pytest.raises(ValueError, match="level must be a positive number, got -1"):
        VectorFunction(ELEMENTS).of(atoms).to_atoms(level=-1)


def test_level_and_separation():
    """A weak image of an atom, and atoms that are nearer than they can be."""
    atoms = Atoms("CC", [[0, 0, 0], [3, 0, 0]])
    weights = torch.tensor([[1.0], [0.4]])
    function = VectorFunction({}, atom_channels=["C"], radii=SHARP)
    assert len(function.of(atoms, weights).to_atoms()) == 1
    assert len(function.of(atoms, weights).to_atoms(level=1.0)) == 2
    near = Atoms("CN", [[0, 0, 0], [0.3, 0, 0]])
    field = VectorFunction(ELEMENTS, radii={"C": 0.6, "N": 0.6}).of(near)
    assert len(field.to_atoms()) == 1 and len(field.to_atoms(separation=0.2)) == 2


def test_many_atoms():
    """Twenty molecules in a row, from a grid."""
    rng = np.random.default_rng(0)
    unit = ase.build.molecule("CH4")
    atoms = Atoms()
    for k in range(20):
        unit.rotate(float(rng.uniform(0, 360)), rng.normal(size=3), center="COM")
        moved = unit.copy()
        moved.translate([4.0 * k, 0, 0])
        atoms += moved
    field = VectorFunction(["H", "C"], radii=SHARP).of(atoms)
    assert_same(field.to_atoms(), atoms)
