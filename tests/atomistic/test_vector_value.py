"""VectorValue: polar vectors of the molecule's function."""

import numpy as np
import pytest
import torch
from ase import Atoms

from schnetpack_molfield.atomistic import VectorValue
from schnetpack_molfield.testing.molecules import CHIRAL, MOLECULES, molecule, rounded


@pytest.fixture(params=["atom", "molecule"])
def charts(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def model(FieldModel, dtype, charts):
    return FieldModel(VectorValue(16), dtype, charts)


def test_turns_with_the_molecule(model, points_around, dtype, orthogonal) -> None:
    """Rotated, reflected and shifted, for all kinds of symmetric molecules."""
    matrix, shift = orthogonal[0].numpy(), np.array([33.125, -44.25, 5.75])
    structures = [rounded(molecule(name)) for name in MOLECULES + CHIRAL]
    points = [points_around(atoms) for atoms in structures]
    expected = model(structures, points) @ orthogonal[0].T.to(dtype)
    turned = model(
        [Atoms(a.numbers, positions=a.positions @ matrix.T) for a in structures],
        [x @ matrix.T for x in points],
    )
    shifted = model(
        [Atoms(a.numbers, positions=a.positions + shift) for a in structures],
        [x + shift for x in points],
    )
    size = expected.abs().max()
    limit = 1e-5 if dtype == torch.float32 else 1e-10
    assert size > 1e-2
    assert (turned - expected).abs().max() <= limit * size
    still = shifted @ orthogonal[0].T.to(dtype)
    assert (still - expected).abs().max() <= limit * size


def test_order_of_atoms_does_not_matter(model, points_around, dtype) -> None:
    atoms = rounded(molecule("aspirin"))
    points, order = points_around(atoms), np.random.default_rng(0).permutation(len(atoms))
    limit = 1e-5 if dtype == torch.float32 else 1e-10
    expected = model([atoms], [points])
    torch.testing.assert_close(
        model([atoms[order]], [points]), expected, rtol=0, atol=limit * float(expected.abs().max())
    )


def test_is_the_gated_vectors_of_the_function(model, points_around) -> None:
    """Against the formula; in e3nn's order of components, which is x, y, z."""
    atoms, head = molecule("rattled ethanol"), model.head
    inputs = model.represent(model.inputs([atoms], [points_around(atoms)]))
    read = inputs["field_values"]
    hidden = head.invariants(read[:, 0], read[:, 1:])
    gates = head.weights + hidden @ head.gates.weight.T * head.gates.scale
    expected = torch.einsum("pxk,pk->px", read[:, 1:4], gates)
    torch.testing.assert_close(head(inputs)["vector_field"], expected)
    assert expected.abs().amax(dim=0).min() > 1e-3


def test_points_away_from_a_lone_atom(FieldModel, charts) -> None:
    """All that symmetry leaves to it: along the line to the nucleus, equal at equal distance."""
    model = FieldModel(VectorValue(16), torch.float64, charts)
    directions = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    values = model([Atoms("He")], [1.3 * directions]).numpy()
    radial = (values * directions).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(values, radial * directions, atol=1e-12)
    np.testing.assert_allclose(radial, radial[0].repeat(3)[:, None], rtol=1e-10)
    assert abs(radial[0]) > 1e-6


def test_is_zero_far_away(FieldModel, points_around) -> None:
    model, atoms = FieldModel(VectorValue(16), torch.float64), molecule("ethanol")
    assert not model([atoms], [points_around(atoms) + 50.0]).any()


def test_without_points_there_are_no_vectors(model) -> None:
    assert model.evaluate(model.converter([molecule("H2O")])).shape == (0, 3)
    assert model.evaluate(model.inputs([molecule("H2O")], [np.zeros((0, 3))])).shape == (0, 3)


def test_torchscript_agrees(model, points_around, dtype) -> None:
    structures = [molecule("H2O"), molecule("He"), molecule("aspirin")]
    inputs = model.represent(model.inputs(structures, [points_around(a) for a in structures]))
    expected = model.head(dict(inputs))["vector_field"]
    limit = 1e-5 if dtype == torch.float32 else 1e-10
    actual = torch.jit.script(model.head)(dict(inputs))["vector_field"]
    atol = limit * max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


def test_derivatives_by_points_and_atoms(FieldModel, points_around, charts) -> None:
    model, atoms = FieldModel(VectorValue(16), torch.float64, charts), molecule("rattled ethanol")
    inputs = model.inputs([atoms], [points_around(atoms, 3)])

    def field(points, positions):
        return model.evaluate(inputs | {"field_points": points, "_positions": positions})

    variables = [inputs[key].clone().requires_grad_() for key in ("field_points", "_positions")]
    assert torch.autograd.gradcheck(field, variables, fast_mode=True)
    assert torch.autograd.gradgradcheck(field, variables, fast_mode=True)
