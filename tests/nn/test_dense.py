"""Dense layers against PyTorch's and e3nn's."""

import math

import pytest
import torch
from e3nn import o3
from torch.autograd import gradcheck, gradgradcheck

from schnetpack_molfield.nn.dense import (
    LR_SCALE,
    EquivariantDense,
    EquivariantNorm,
    ScaledDense,
    saturate,
    set_lr_scale,
)
from schnetpack_molfield.nn.irreps import irreps, n_rows, row_sizes

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_scaled_dense_starts_as_glorot(gain):
    torch.manual_seed(3)
    layer = ScaledDense(20, 30, gain=gain)
    torch.manual_seed(3)
    glorot = torch.nn.init.xavier_uniform_(torch.empty(30, 20), gain=gain)
    x = torch.randn(7, 20)
    torch.testing.assert_close(layer(x), x @ glorot.T)


def test_scaled_dense_keeps_the_second_moment():
    y = ScaledDense(256, 256)(torch.randn(1000, 256))
    assert y.square().mean().item() == pytest.approx(1, abs=0.05)


def test_gain_0_starts_at_zero():
    assert not ScaledDense(4, 3, gain=0.0)(torch.randn(5, 4)).any()


def test_bias_is_optional():
    assert [name for name, _ in ScaledDense(4, 3, bias=False).named_parameters()] == ["weight"]
    assert ScaledDense(4, 3).bias.tolist() == [0.0] * 3


def effective_weight(layer):
    n_in = layer.weight.shape[1]
    return layer(torch.eye(n_in)).detach()


def test_adam_moves_the_effective_weight_farther():
    def largest_step(layer):
        before = effective_weight(layer)
        optimizer = torch.optim.Adam(layer.parameters(), lr=1e-3)
        layer(torch.randn(9, 4)).square().sum().backward()
        optimizer.step()
        return (effective_weight(layer) - before).abs()

    usual = largest_step(torch.nn.Linear(4, 3, bias=False))
    scaled = largest_step(ScaledDense(4, 3, bias=False))
    torch.testing.assert_close(scaled, LR_SCALE * usual, rtol=1e-3, atol=0)


@pytest.mark.parametrize("lr_scale", [0.5, 4.0])
def test_another_scale_is_the_same_function_at_another_rate(lr_scale):
    model = torch.nn.Sequential(ScaledDense(4, 6), EquivariantDense(6, 3, degree=1, factor=0.3))
    x = torch.randn(5, 4, 4)
    before, weight = model(x), model[0].weight.clone()
    set_lr_scale(model, lr_scale)
    torch.testing.assert_close(model(x), before)
    torch.testing.assert_close(model[0].weight * lr_scale, weight * LR_SCALE)


@pytest.mark.parametrize("lr_scale", [0.0, -1.0, float("inf"), float("nan")])
def test_rates_are_positive(lr_scale):
    with pytest.raises(ValueError, match="lr_scale = .*: expected a positive number"):
        set_lr_scale(ScaledDense(4, 6), lr_scale)


def test_saturated_features_keep_their_direction_and_are_bounded(dtype):
    x = torch.randn(5, 9, 16, dtype=dtype)
    small, large = saturate(1e-4 * x, [1, 2]), saturate(1e4 * x, [1, 2])
    torch.testing.assert_close(small, 1e-4 * x, rtol=1e-5, atol=0)
    torch.testing.assert_close(large.square().mean((1, 2)), torch.ones(5, dtype=dtype))
    ratio = large / x
    torch.testing.assert_close(ratio, ratio[:, :1, :1].expand_as(ratio))


def e3nn_layout(x, degree):
    """(n, n_rows, channels) as e3nn's flat channels x (0e + 1o + ...)."""
    parts = x.split(row_sizes(degree), dim=1)
    return torch.cat([part.mT.flatten(1) for part in parts], dim=1)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("factor", [1.0, 0.25])
def test_equivariant_dense_is_e3nns_linear(dtype, degree, factor):
    layer = EquivariantDense(4, 6, degree, factor).to(dtype)
    of = o3.Irreps([(1, irrep) for _, irrep in irreps(degree)])
    linear = o3.Linear(
        o3.Irreps([(4, ir) for _, ir in of]), o3.Irreps([(6, ir) for _, ir in of])
    ).to(dtype)
    # e3nn divides by the root of the fan-in
    linear.weight.data = layer.weight.flatten() * LR_SCALE * factor * math.sqrt(4)
    x = torch.randn(5, n_rows(degree), 4, dtype=dtype)
    torch.testing.assert_close(
        e3nn_layout(layer(x), degree), linear(e3nn_layout(x, degree)), rtol=0, atol=TOLERANCE[dtype]
    )


def test_norm_divides_by_the_root_mean_square(dtype):
    norm = EquivariantNorm(epsilon=1e-2)
    x = 100 * torch.randn(5, 8, 4, dtype=dtype)
    y = norm(x)
    torch.testing.assert_close(
        y.square().mean((1, 2)), torch.ones(5, dtype=dtype), atol=1e-5, rtol=0
    )
    ratio = y / x
    torch.testing.assert_close(ratio, ratio[:, :1, :1].expand_as(ratio))
    small = 1e-4 * x / x.norm()
    torch.testing.assert_close(norm(small), 10 * small, rtol=1e-4, atol=0)


def test_norm_is_equivariant(dtype, orthogonal):
    turn = orthogonal[1][1:, 1:].to(dtype)
    x = torch.randn(5, 8, 4, dtype=dtype)
    norm = EquivariantNorm()
    torch.testing.assert_close(norm(turn @ x), turn @ norm(x), rtol=0, atol=TOLERANCE[dtype])


def test_norm_is_smooth_at_zero():
    x = torch.zeros(2, 8, 1, dtype=torch.float64, requires_grad=True)
    assert not EquivariantNorm()(x).any()
    assert gradcheck(EquivariantNorm(), x, eps=1e-5)
    assert gradgradcheck(EquivariantNorm(), x, eps=1e-5)
