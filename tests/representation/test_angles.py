"""Learned angles as an option of MolField: invariant, smooth where they have no meaning, off."""

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck, gradgradcheck

from schnetpack_molfield.nn.sphere import SoftHarmonics
from schnetpack_molfield.representation.angles import ChartAngles
from schnetpack_molfield.train.smoothness import encoding_roughness

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}
both_atlases = pytest.mark.parametrize("charts", ["atom", "molecule"])


@pytest.fixture
def angles() -> ChartAngles:
    module = ChartAngles(n_channels=6, n_hidden=8, n_angles=3)
    nn.init.normal_(module.mixing.weight)
    return module


def test_starts_at_zero():
    module = ChartAngles(n_channels=6, n_hidden=8, n_angles=3)
    assert not module(torch.randn(2, 9, 6), torch.randn(2, 5, 9)).any()


def test_invariant(angles, dtype, orthogonal):
    matrix = orthogonal[0].to(dtype)
    only_vectors_count = torch.block_diag(matrix[:1, :1], matrix, torch.randn(5, 5).to(dtype))
    angles, soft = angles.to(dtype), SoftHarmonics().to(dtype)
    features, points = torch.randn(2, 9, 6, dtype=dtype), torch.randn(2, 5, 3, dtype=dtype)
    expected = angles(features, soft(points)[1])
    assert expected.std(dim=1).min() > 1e-2, "every channel tells the points apart"
    actual = angles(only_vectors_count @ features, soft(points @ matrix.T)[1])
    torch.testing.assert_close(actual, expected, rtol=0, atol=TOLERANCE[dtype])


def test_is_a_function_of_the_angle(angles):
    """With one axis, points on a cone around it are alike."""
    angles = ChartAngles(n_channels=1, n_hidden=8, n_angles=1).double()
    nn.init.normal_(angles.mixing.weight)
    features = torch.zeros(1, 9, 1, dtype=torch.float64)
    features[0, 3] = 2.0  # along z
    cone = torch.tensor([[0.6, 0.0, 0.8], [0.0, -0.6, 0.8], [0.6, 0.0, -0.8]]).double()
    values = angles(features, SoftHarmonics().double()(cone)[1][None])[0]
    torch.testing.assert_close(values[0], values[1], rtol=0, atol=1e-12)
    assert (values[0] - values[2]).abs().max() > 1e-2


DEGENERATE = {
    "no vectors": torch.zeros(3, 2),
    "one of two": torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.5, 0.0]]),
    "along the point": torch.tensor([[0.3, -0.6], [0.4, -0.8], [1.2, -2.4]]),
}


@pytest.mark.parametrize("vectors", DEGENERATE.values(), ids=DEGENERATE)
def test_smooth_at_degenerate_vectors(vectors):
    angles = ChartAngles(n_channels=2, n_hidden=2, n_angles=2).double()
    nn.init.normal_(angles.mixing.weight)
    soft = SoftHarmonics().double()

    def evaluate(vectors, point):
        features = torch.cat([vectors.new_ones(1, 1, 2), vectors, vectors.new_zeros(1, 5, 2)], 1)
        return angles(features, soft(point)[1][None])

    inputs = vectors.double()[None].requires_grad_(), torch.tensor([[0.3, 0.4, 1.2]]).double()
    inputs[1].requires_grad_()
    assert gradcheck(evaluate, inputs)
    assert gradgradcheck(evaluate, inputs)


@both_atlases
def test_adds_parameters_only_where_asked(charts, build):
    off, on = (build(charts=charts, n_angles=n).state_dict().keys() for n in (0, 2))
    assert off == build(charts=charts).state_dict().keys()
    assert off <= on and all(".angles." in name for name in on - off)


@both_atlases
def test_counts_in_the_model(charts, batch, build):
    outputs = []
    for n_angles in (0, 2):
        model = build(charts=charts, n_angles=n_angles, frame="none")
        outputs.append(model(batch("ethanol"))["scalar_representation"])
    assert (outputs[0] - outputs[1]).abs().max() > 1e-3


@both_atlases
def test_every_parameter_learns(charts, batch, build):
    model = build(charts=charts, n_angles=2)
    model(batch("ethanol", "CHFClBr"))["scalar_representation"].square().sum().backward()
    learning = {n: p.grad for n, p in model.named_parameters() if ".angles." in n}
    assert all(grad.any() for grad in learning.values()) and len(learning) % 3 == 0


def test_regularised_with_the_distances(build):
    model = build(n_angles=2)
    each = [m.angles.encoding.spline.roughness() for m in (*model.interactions, model.function)]
    torch.testing.assert_close(encoding_roughness(model), sum(each))
