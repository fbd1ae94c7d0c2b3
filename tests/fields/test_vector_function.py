"""Equation (1) of Lhotka & Probst against a plain formula."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from ase.data import covalent_radii, vdw_radii

from schnetpack_molfield.fields import VectorFunction

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-13}


def plain(points, numbers, positions, weights, beta, radii):
    """Equation (1), atom by atom."""
    total = np.zeros(len(points))
    for z, r, w in zip(numbers, positions, weights, strict=True):
        squared = ((points - r) ** 2).sum(axis=1)
        total += w * np.exp(-beta * (squared / radii[z] ** 2 - 1))
    return total


@pytest.mark.parametrize(("radii", "table"), [("vdw", vdw_radii), ("covalent", covalent_radii)])
def test_elements_and_groups_are_the_formula(radii, table, dtype, as_tensors, points_near):
    atoms = molecule("CH3CONH2")
    function = VectorFunction({"H": "H", "polar": ["N", "O"]}, beta=1.7, radii=radii)
    points = points_near(atoms, 100, dtype)
    values = function(points, *as_tensors(atoms, dtype)).numpy()
    assert function.channels == ["H", "polar"]
    for column, members in enumerate([[1], [7, 8]]):
        weights = np.isin(atoms.numbers, members)
        expected = plain(points.numpy(), atoms.numbers, atoms.positions, weights, 1.7, table)
        np.testing.assert_allclose(values[:, column], expected, atol=TOLERANCE[dtype] * 10)


def test_properties_and_values_per_atom_are_weights(as_tensors, points_near):
    pytest.importorskip("mendeleev")
    atoms = molecule("H2O")
    charges = torch.tensor([[-0.8], [0.4], [0.4]], dtype=torch.float64)
    function = VectorFunction(["O"], ["electronegativity"], ["charge"])
    points = points_near(atoms, 50, torch.float64)
    values = function(points, *as_tensors(atoms, torch.float64), atom_values=charges).numpy()
    pauling = [3.44, 2.20, 2.20]
    for column, weights in enumerate([[1, 0, 0], pauling, [-0.8, 0.4, 0.4]]):
        args = points.numpy(), atoms.numbers, atoms.positions, weights, 2.0, vdw_radii
        np.testing.assert_allclose(values[:, column], plain(*args), atol=1e-12)


def test_one_on_the_sphere_and_exp_beta_at_the_centre(dtype):
    field = VectorFunction(["He"], beta=3.0, radii={"He": 1.5}).of(Atoms("He"), dtype=dtype)
    values = field([[0, 0, 1.5], [0, 0, 0]])[:, 0]
    torch.testing.assert_close(values, torch.tensor([1.0, np.exp(3.0)], dtype=dtype))


def test_integral_is_that_of_a_gaussian():
    field = VectorFunction(["He"], beta=2.0, radii={"He": 1.0}).of(Atoms("He"), dtype=torch.float64)
    exact = np.exp(2.0) * (np.pi / 2.0) ** 1.5
    assert field.integral() == pytest.approx(exact, rel=1e-6)
    box = [[-6, -6, -6], [6, 6, 6]]
    assert field.integral(box=box, spacing=0.3) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"elements": ["Cc"]}, "unknown element 'Cc'; did you mean 'C'"),
        ({"radii": "vdv"}, "unknown radii 'vdv'; did you mean 'vdw'"),
        ({"radii": {"C": -1.0}}, "radius of C must be positive"),
        ({"beta": 0.0}, "beta must be a positive number, got 0.0"),
        ({"elements": ["C", "C"]}, "different names"),
        ({"elements": []}, "different names"),
    ],
)
def test_bad_options_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        VectorFunction(**arguments)


def test_missing_data_is_named(as_tensors, points_near):
    pytest.importorskip("mendeleev")
    with pytest.raises(ValueError, match="did you mean 'electronegativity'"):
        VectorFunction(properties=["electronegativty"])
    helium = Atoms("He")
    with pytest.raises(ValueError, match="no electronegativity is tabulated for He"):
        VectorFunction(properties=["electronegativity"]).of(helium)([[0, 0, 0.0]])
    with pytest.raises(ValueError, match=r"atom_values must have 1 columns, .*charge"):
        VectorFunction(atom_channels=["charge"]).of(helium)([[0, 0, 0.0]])


def test_missing_mendeleev_is_one_clear_message(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "mendeleev.fetch", None)
    with pytest.raises(ImportError, match=r'pip install "schnetpack-molfield\[chem\]"'):
        VectorFunction(properties=["electronegativity"])
