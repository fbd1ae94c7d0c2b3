"""Channels by name."""

import numpy as np
import pytest
from ase.build import molecule

from schnetpack_molfield.datasets.molecules import LIGAND, PROTEIN
from schnetpack_molfield.fit.channels import channel_members, default_channels


@pytest.fixture
def pair():
    """Acetamide as a protein and water as its ligand."""
    atoms = molecule("CH3CONH2") + molecule("H2O")
    atoms.new_array("part", np.repeat([PROTEIN, LIGAND], [9, 3]))
    return atoms


def test_members(pair):
    names = ["C", "N+O", "ligand", "protein", "ligand:H", "protein:N+O"]
    weights = channel_members(names, pair)
    z, ligand = pair.numbers, pair.arrays["part"] == LIGAND
    expected = [
        z == 6, (z == 7) | (z == 8), ligand, ~ligand, ligand & (z == 1),
        ~ligand & ((z == 7) | (z == 8)),
    ]  # fmt: skip
    np.testing.assert_array_equal(weights, np.stack(expected, axis=1))


def test_defaults_hold_every_atom_once(pair):
    assert default_channels(molecule("CH3CONH2")) == ["H", "C", "N", "O"]
    names = default_channels(pair)
    assert names[:4] == ["protein:C", "protein:H", "protein:N", "protein:O"]
    assert names[4:] == ["ligand:H", "ligand:O"]
    np.testing.assert_array_equal(channel_members(names, pair).sum(1), np.ones(12))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Cc", "unknown element 'Cc'; did you mean 'C'"),
        ("S", "channel 'S' has no atoms; there are protein:C"),
        ("ligands:H", "unknown part of a complex 'ligands'; did you mean 'ligand'"),
        ("", "unknown element ''"),
        ("protein:", "unknown element ''"),
    ],
)
def test_bad_names(pair, name, message):
    with pytest.raises(ValueError, match=message):
        channel_members([name], pair)


def test_parts_need_a_complex():
    with pytest.raises(ValueError, match="isn't a protein with a ligand"):
        channel_members(["ligand"], molecule("H2O"))
