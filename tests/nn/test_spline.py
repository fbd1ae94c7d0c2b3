"""The cubic spline: an independent reference, smoothness, derivatives, odd input."""

import copy
import io

import pytest
import torch
from scipy.interpolate import BSpline
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call

from schnetpack_molfield.nn import CubicSpline

TOLERANCE = {torch.float32: 2e-6, torch.float64: 1e-13}


both_ways = pytest.mark.parametrize("wide", [False, True])


def random_spline(n_knots=9, n_features=3, periodic=False, dtype=torch.float64, wide=False):
    spline = CubicSpline(n_knots, n_features, periodic).to(dtype)
    spline.wide = wide
    torch.nn.init.normal_(spline.coefficients)
    return spline


def derivatives(spline, t):
    """Value and three derivatives of the first feature."""
    t = t.clone().requires_grad_()
    values = [spline(t)[:, 0]]
    for _ in range(3):
        (slope,) = torch.autograd.grad(values[-1].sum(), t, create_graph=True)
        values.append(slope)
    return torch.stack(values).detach()  # (4, n)


def test_wide_grids_gather_rows():
    assert not CubicSpline(40, 2).wide
    assert CubicSpline(600, 2).wide


@both_ways
def test_equals_scipy(dtype, wide):
    spline = random_spline(dtype=dtype, wide=wide)
    reference = BSpline(torch.arange(-3.0, 12.0).numpy(), spline.coefficients.detach().numpy(), 3)
    t = torch.linspace(0, 8 - 1e-4, 101, dtype=dtype)
    expected = torch.from_numpy(reference(t.numpy())).to(dtype)
    torch.testing.assert_close(spline(t), expected, rtol=0, atol=TOLERANCE[dtype])


@both_ways
@pytest.mark.parametrize("periodic", [False, True])
def test_two_derivatives_are_continuous_across_every_knot(periodic, wide):
    spline = random_spline(periodic=periodic, wide=wide)
    knots = torch.arange(-5.0, 16.0, dtype=torch.float64)
    below, above = derivatives(spline, knots - 1e-9), derivatives(spline, knots + 1e-9)
    torch.testing.assert_close(below[:3], above[:3], rtol=0, atol=1e-7)
    assert (below[3] - above[3]).abs().max() > 0.1, "the third derivative of a cubic spline jumps"


@both_ways
def test_constant_outside_the_grid(wide):
    spline = random_spline(n_knots=9, wide=wide)
    for outside in ([12.0, 14.5, 1e6], [-4.0, -7.5, -1e6]):
        values = derivatives(spline, torch.tensor(outside, dtype=torch.float64))
        torch.testing.assert_close(values[0], values[0, :1].expand(3), rtol=0, atol=1e-12)
        assert values[1:3].abs().max() < 1e-9


def test_periodic():
    spline = random_spline(periodic=True)
    t = torch.linspace(0, 9, 50, dtype=torch.float64)
    torch.testing.assert_close(spline(t), spline(t - 18), rtol=0, atol=1e-12)


@both_ways
@pytest.mark.parametrize("periodic", [False, True])
def test_gradients_in_position_and_coefficients(periodic, wide):
    spline = random_spline(5, 2, periodic, wide=wide)

    def evaluate(t, coefficients):
        return functional_call(spline, {"coefficients": coefficients}, (t,))

    t = torch.tensor([-0.4, 0.3, 1.3, 3.99, 4.2, 9.9], dtype=torch.float64, requires_grad=True)
    inputs = (t, spline.coefficients.detach().requires_grad_())
    assert gradcheck(evaluate, inputs)
    assert gradgradcheck(evaluate, inputs)


@pytest.mark.parametrize("periodic", [False, True])
def test_fit_reproduces_a_spline(periodic):
    spline, copy_ = random_spline(periodic=periodic), random_spline(periodic=periodic)
    t = torch.linspace(0, 8, 100, dtype=torch.float64)
    copy_.fit(t, spline(t))
    torch.testing.assert_close(copy_.coefficients, spline.coefficients, rtol=0, atol=1e-10)


def test_roughness_of_a_parabola():
    spline = CubicSpline(21, 2).double()
    t = torch.linspace(0, 20, 200, dtype=torch.float64)
    q = t / 4  # a grid of step 1/4 over [0, 5]
    spline.fit(t, torch.stack([q**2, 3 * q], dim=-1))
    nodes = torch.arange(21, dtype=torch.float64)
    weight = torch.full_like(nodes, 0.25)
    weight[[0, -1]] /= 2
    spline.set_metric(nodes, torch.full_like(nodes, 4.0), torch.zeros_like(nodes), weight)
    # f'' = 2 over a length of 5, and 0: mean of 20 and 0
    torch.testing.assert_close(spline.roughness().item(), 10.0, rtol=0, atol=1e-8)


@pytest.mark.parametrize("periodic", [False, True])
def test_not_a_number_stays_in_its_row(periodic):
    t = torch.tensor([1.0, float("nan"), float("inf")], dtype=torch.float64)
    values = random_spline(periodic=periodic)(t)
    assert values[0].isfinite().all() and values[1:].isnan().all()


@both_ways
def test_no_points(wide):
    assert random_spline(wide=wide)(torch.zeros(0, dtype=torch.float64)).shape == (0, 3)


@both_ways
def test_script_pickle_and_copy_give_the_same_numbers(dtype, wide):
    spline = random_spline(dtype=dtype, wide=wide)
    buffer = io.BytesIO()
    torch.save(spline, buffer)
    buffer.seek(0)
    loaded = torch.load(buffer, weights_only=False)
    t = torch.linspace(-1, 10, 50, dtype=dtype)
    for other in (torch.jit.script(spline), loaded, copy.deepcopy(spline)):
        assert torch.equal(other(t), spline(t))
    assert torch.equal(loaded.roughness(), spline.roughness())


@pytest.mark.parametrize(("n_knots", "n_features"), [(3, 2), (8, 0)])
def test_too_small(n_knots, n_features):
    with pytest.raises(ValueError, match="n_knots >= 4 and n_features >= 1"):
        CubicSpline(n_knots, n_features)
