"""The canonical INR against a plain network with each chart's weights written out."""

import pytest
import torch
from torch.nn.functional import silu

from schnetpack_molfield.nn.activations import Gabor, Sine
from schnetpack_molfield.nn.sphere import SoftHarmonics
from schnetpack_molfield.representation import FRAMES, HYPERNETWORKS, CanonicalINR
from schnetpack_molfield.testing.potential import perturb

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def build(dtype=torch.float32, **options):
    inr = CanonicalINR(n_channels=8, n_hidden=16, n_groups=4, **options)
    perturb(inr, seed=0)
    return inr.to(dtype)


def arguments(dtype=torch.float32):
    """Features of three charts, radial functions and harmonics at five points of each."""
    sizes = [(3, 9, 8), (3, 5, 16), (3, 5, 9)]
    return tuple(torch.randn(size, dtype=dtype) for size in sizes)


def evaluate(inr, features, radial, harmonics):
    axes, scales, _ = inr.weights(features)
    return inr.evaluate(axes, scales, radial, harmonics)


def written_out(inr, activation, features, radial, harmonics):
    """Values of one chart after another, with the weights of each in full."""
    tokens = inr.weights(features)[2]
    first_layers = inr.frame(features)  # (3, 9, 16)
    hidden = [layer.weight.T * layer.scale for layer in inr.hidden]  # (16, 16)
    values = []
    for c, first in enumerate(first_layers):
        base = torch.stack([torch.nn.functional.pad(first, [0, 0, 0, 7]), *hidden])
        weights = inr.tokenizer.to_weights(tokens[c : c + 1], base)[0]  # (n_layers, 16, 16)
        h = activation(radial[c] + harmonics[c] @ weights[0, :9])
        for weight, bias in zip(weights[1:], inr.bias, strict=True):
            h = activation(h @ weight + bias)
        values.append(h)
    return torch.stack(values)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("hypernetwork", HYPERNETWORKS)
def test_tokens_are_the_weights(frame, hypernetwork, dtype):
    inr, given = build(dtype, frame=frame, hypernetwork=hypernetwork), arguments(dtype)
    expected = written_out(inr, silu, *given)
    torch.testing.assert_close(evaluate(inr, *given), expected, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("n_layers", [2, 3, 5])
def test_any_depth(n_layers, dtype):
    inr, given = build(dtype, n_layers=n_layers), arguments(dtype)
    axes, scales, tokens = inr.weights(given[0])
    assert axes.shape == (3, 9, 16) and scales.shape == (3, n_layers - 1, 16)
    assert tokens.shape == (3, n_layers * 4, 4)
    expected = written_out(inr, silu, *given)
    torch.testing.assert_close(evaluate(inr, *given), expected, rtol=0, atol=TOLERANCE[dtype])


FUNCTIONS = {
    "silu": silu,
    "sine": torch.sin,
    "gabor": lambda x: torch.cos(x) * torch.exp(-0.5 * x**2),
    "tanh of one's own": torch.tanh,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_any_activation(name, dtype):
    activation = torch.nn.Tanh if "own" in name else name
    inr, given = build(dtype, activation=activation), arguments(dtype)
    expected = written_out(inr, FUNCTIONS[name], *given)
    torch.testing.assert_close(evaluate(inr, *given), expected, rtol=0, atol=TOLERANCE[dtype])
    with torch.no_grad():  # buffers are reused
        torch.testing.assert_close(evaluate(inr, *given), expected, rtol=0, atol=TOLERANCE[dtype])


def test_without_a_graph_nothing_changes(dtype):
    """Buffers are reused then, but not those of the caller."""
    inr = build(dtype)
    features, *rest = arguments(dtype)
    given = [argument.clone() for argument in rest]
    expected = evaluate(inr, features, *rest)
    assert expected.requires_grad
    with torch.no_grad():
        values = evaluate(inr, features, *rest)
    torch.testing.assert_close(values, expected)
    for argument, before in zip(rest, given, strict=True):
        assert torch.equal(argument, before)


@pytest.mark.parametrize(
    ("hypernetwork", "differ"), [("transformer", True), ("linear", True), ("none", False)]
)
def test_charts_without_axes_differ_by_their_tokens(hypernetwork, differ):
    inr = build(hypernetwork=hypernetwork)
    inr.frame.axes.weight.data[0] = 0  # degree 0
    features, radial, harmonics = arguments()
    features[:, 1:] = 0
    values = evaluate(inr, features, radial[:1].expand(3, -1, -1), harmonics)
    assert bool((values[0] - values[1]).abs().max() > 1e-4) == differ


def test_values_are_smooth_through_the_origin():
    inr, soft = build(torch.float64), SoftHarmonics().double()
    features = torch.randn(1, 9, 8, dtype=torch.float64)
    radial = torch.randn(1, 2, 16, dtype=torch.float64)

    def values(points):
        return evaluate(inr, features, radial, soft(points)[1][None])

    origin = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(values, origin, eps=1e-5)
    assert torch.autograd.gradgradcheck(values, origin, eps=1e-5)


def test_frequencies_are_options():
    x = torch.linspace(-2, 2, 9)
    torch.testing.assert_close(Sine(3.0)(x), torch.sin(3 * x))
    torch.testing.assert_close(Gabor(3.0)(x), torch.cos(3 * x) * torch.exp(-(x**2) / 2))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_layers": 1}, ValueError, "n_layers = 1: the INR needs at least 2"),
        ({"n_groups": 5}, ValueError, "n_groups = 5 must divide the 16 columns"),
        ({"frame": "gramschmidt"}, ValueError, "unknown frame .*did you mean 'gram_schmidt'"),
        ({"hypernetwork": "linaer"}, ValueError, "hypernetwork 'linaer'; did you mean 'linear'"),
        ({"activation": "sin"}, ValueError, "activation 'sin'; did you mean 'sine'"),
        ({"activation": torch.nn.SiLU()}, TypeError, "activation must be one of .*got SiLU"),
        ({"frame": 3}, TypeError, "frame must be one of projection, .*got int"),
        ({"frame": lambda *_: 3}, TypeError, "frame must make a torch.nn.Module, got int"),
    ],
)
def test_wrong_parts_are_refused(options, error, message):
    with pytest.raises(error, match=message) as raised:
        CanonicalINR(**({"n_channels": 8, "n_hidden": 16, "n_groups": 4} | options))
    assert "\n" not in str(raised.value)
