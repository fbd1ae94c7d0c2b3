"""Signed distances and electron densities: exact to begin with, correct by learning."""

import numpy as np
import pytest
import torch
from schnetpack import properties
from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances
from schnetpack.model import NeuralNetworkPotential

from schnetpack_molfield import fields
from schnetpack_molfield.atomistic import ElectronDensity, ElectronQuadrature, SignedDistance
from schnetpack_molfield.testing.molecules import CHIRAL, MOLECULES, molecule, rounded

HEADS = {"sdf": SignedDistance, "electron_density": ElectronDensity}
EXACT = {"sdf": fields.GaussianDistance(), "electron_density": fields.PromoleculeDensity()}


@pytest.fixture(params=HEADS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def model(FieldModel, dtype, name):
    return FieldModel(HEADS[name](16), dtype)


def test_starts_at_the_exact_function(FieldModel, points_around, dtype, name) -> None:
    model = FieldModel(HEADS[name](16), dtype)
    model.head.out.weight.data.zero_()
    structures = [molecule("ethanol"), molecule("He")]
    points = [points_around(atoms) for atoms in structures]
    expected = [
        EXACT[name].of(atoms, dtype=dtype)(x) for atoms, x in zip(structures, points, strict=True)
    ]
    torch.testing.assert_close(model(structures, points), torch.cat(expected))
    assert (HEADS[name](16).out.weight == 0).all()


def test_exact_symmetries(model, symmetry_errors, dtype) -> None:
    structures = [rounded(molecule(name)) for name in MOLECULES + CHIRAL]
    errors = symmetry_errors(model, structures)
    limit = 1e-5 if dtype == torch.float32 else 1e-10
    assert max(errors.values()) <= limit, errors


def test_the_network_corrects(model, points_around, name) -> None:
    atoms = molecule("rattled ethanol")
    points = points_around(atoms)
    exact = EXACT[name].of(atoms, dtype=model.dtype)(points)
    assert (model([atoms], [points]) / exact - 1).abs().mean() > 1e-2


def test_density_is_positive_whatever_the_weights_are(FieldModel, points_around, dtype) -> None:
    model = FieldModel(ElectronDensity(16), dtype)
    model.head.out.weight.data.mul_(-20)
    structures = [molecule("aspirin"), molecule("H")]
    assert (model(structures, [points_around(atoms, 200) for atoms in structures]) >= 0).all()


def test_the_core_is_left_alone(FieldModel, points_around, dtype, monkeypatch) -> None:
    """Whatever is learned multiplies the valence electrons only."""
    model = FieldModel(ElectronDensity(16), dtype)
    monkeypatch.setattr(model.head, "of_function", lambda read: read[:, :1, 0] * 0 - 50.0)
    atoms = molecule("CO2")
    center = atoms.positions.mean(axis=0)
    points = np.concatenate([atoms.positions + [0.05, 0, 0], [center + [0, 0, 0.7]]])
    core = fields.PromoleculeDensity(electrons="core").of(atoms, dtype=dtype)(points)
    torch.testing.assert_close(model([atoms], [points]), core)
    assert (core[:3] > 10).all()


def test_units_of_the_density(points_around, FieldModel) -> None:
    atoms, values = molecule("H2O"), []
    for units in ("e/Ang^3", "e/bohr^3"):
        torch.manual_seed(0)
        model = FieldModel(ElectronDensity(16, units), torch.float64)
        values.append(model([atoms], [points_around(atoms)]))
        assert model.head.units == units
    torch.testing.assert_close(values[1], values[0] * 0.529177210903**3)


def test_gradient_key(FieldModel, points_around, name) -> None:
    """Gradients of the head against finite differences, and they can be trained on."""
    model = FieldModel(HEADS[name](16, gradient_key="slope"), torch.float64)
    atoms = molecule("rattled ethanol")
    points = points_around(atoms, 5)
    inputs = model.inputs([atoms], [points])
    inputs["field_points"].requires_grad_()
    model.head.train()
    slope = model.head(model.represent(inputs))["slope"]  # (5, 1, 3)
    assert model.head.required_derivatives == ["field_points"]
    model.head.gradient_key = ""
    step = 1e-5 * np.eye(3)
    for axis in range(3):
        up, down = (model([atoms], [points + sign * step[axis]]) for sign in (1, -1))
        torch.testing.assert_close(slope[..., axis], (up - down) / 2e-5, rtol=1e-6, atol=1e-6)
    slope.square().sum().backward()
    assert model.head.out.weight.grad.abs().sum() > 0


def test_charts_without_elements_are_refused(model, points_around) -> None:
    atoms = molecule("H2O")
    charts = model.represent(model.inputs([atoms], [points_around(atoms)]))
    charts[properties.Z] = torch.zeros_like(charts[properties.Z])
    with pytest.raises(ValueError, match="charts without elements"):
        model.head(charts)


def test_points_out_of_order_are_refused(model, points_around) -> None:
    structures = [molecule("H2O"), molecule("CH4")]
    inputs = model.inputs(structures, [points_around(atoms) for atoms in structures])
    inputs["field_point_idx_m"] = torch.arange(40) % 2
    with pytest.raises(ValueError, match="sort by molecule"):
        model.evaluate(inputs)


def test_energies_and_a_field_in_one_model(FieldModel, points_around, dtype, name) -> None:
    """With points there is a field; without any, also scripted, there are energy and forces."""
    parts = FieldModel(HEADS[name](16), dtype)
    model = NeuralNetworkPotential(
        parts.representation,
        input_modules=[PairwiseDistances()],
        output_modules=[parts.head, Atomwise(16, output_key="energy"), Forces()],
    ).to(dtype)
    atoms = molecule("ethanol")
    inputs = parts.inputs([atoms], [points_around(atoms)])
    full = model(dict(inputs))
    assert full[name].shape == (20, 1)
    plain = parts.converter([atoms])
    for program in (model, torch.jit.script(model)):
        results = program(dict(plain))
        assert results[name].shape == (0, 1)
        torch.testing.assert_close(results["energy"], full["energy"])
        torch.testing.assert_close(results[properties.forces], full[properties.forces])


@pytest.mark.parametrize("units", ["e/Ang^3", "e/bohr^3"])
def test_the_number_of_electrons_is_conserved(FieldModel, dtype, units) -> None:
    """On a quadrature much finer than the head's own, for molecules and an ion in one batch."""
    head = ElectronDensity(16, units, conserve_electrons=True)
    model = FieldModel(head, dtype)
    structures = [molecule(name) for name in ("rattled ethanol", "H2", "CO2")]
    rules = [
        fields.atom_centered_quadrature(
            torch.as_tensor(a.numbers), torch.as_tensor(a.positions, dtype=dtype), 40, 23
        )
        for a in structures
    ]
    charges = torch.tensor([0.0, 1.0, -1.0], dtype=dtype)
    inputs = model.inputs(structures, [points.numpy() for points, _ in rules])
    inputs[properties.total_charge] = charges
    density = model.evaluate(inputs).detach()[:, 0].split([len(w) for _, w in rules])
    per_electron = {"e/Ang^3": 1.0, "e/bohr^3": 0.529177210903**3}[units]
    for rho, (_, weights), atoms, q in zip(density, rules, structures, charges, strict=True):
        electrons = float((rho * weights).sum()) / per_electron
        assert electrons == pytest.approx(float(atoms.numbers.sum() - q), rel=2e-3)
        assert (rho >= 0).all()
    head.conserve_electrons = False
    free = model.evaluate(inputs).detach()[:, 0].split([len(w) for _, w in rules])
    assert abs(float((free[0] * rules[0][1]).sum()) / per_electron - 26) > 0.2


def test_the_normalisation_is_exact_in_its_symmetries(FieldModel, symmetry_errors) -> None:
    model = FieldModel(ElectronDensity(16, conserve_electrons=True), torch.float64)
    errors = symmetry_errors(model, [molecule(name) for name in ("rattled ethanol", "H2O")])
    assert errors["translation"] <= 1e-10 and errors["permutation"] <= 1e-10
    assert max(errors.values()) <= 1e-3  # the directions of the quadrature don't turn


def test_the_normalisation_needs_its_quadrature(FieldModel, points_around) -> None:
    model = FieldModel(ElectronDensity(16, conserve_electrons=True), torch.float64)
    model.quadrature = None
    atoms = molecule("H2O")
    with pytest.raises(KeyError, match="ElectronQuadrature to the model's input_modules"):
        model([atoms], [points_around(atoms)])


def test_conserved_densities_in_a_schnetpack_model(FieldModel, points_around) -> None:
    """The quadrature is an input module; it is asked once for any number of points."""
    parts = FieldModel(ElectronDensity(16, conserve_electrons=True), torch.float64)
    inputs = [PairwiseDistances(), ElectronQuadrature()]
    model = NeuralNetworkPotential(parts.representation, inputs, [parts.head]).double()
    atoms = molecule("H2O")
    points = points_around(atoms)
    expected = parts([atoms], [points])
    results = model(parts.inputs([atoms], [points]))
    torch.testing.assert_close(results["electron_density"], expected)
