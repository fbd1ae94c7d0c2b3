"""The canonical INR against a plain network with each chart's weights written out."""

import pytest
import torch
from torch.nn.functional import silu

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


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("hypernetwork", HYPERNETWORKS)
def test_tokens_are_the_weights(frame, hypernetwork, dtype):
    inr = build(dtype, frame=frame, hypernetwork=hypernetwork)
    features, radial, harmonics = arguments(dtype)
    values, tokens = inr(features, radial, harmonics)
    first_layers = inr.frame(features)  # (3, 9, 16)
    hidden = inr.hidden.weight.T * inr.hidden.scale  # (16, 16)
    for c, first in enumerate(first_layers):
        base = torch.stack([torch.nn.functional.pad(first, [0, 0, 0, 7]), hidden])
        weights = inr.tokenizer.to_weights(tokens[c : c + 1], base)[0]  # (2, 16, 16)
        h = silu(radial[c] + harmonics[c] @ weights[0, :9])
        h = silu(h @ weights[1] + inr.bias)
        torch.testing.assert_close(values[c], h, rtol=0, atol=TOLERANCE[dtype])


def test_without_a_graph_nothing_changes(dtype):
    """Buffers are reused then, but not those of the caller."""
    inr = build(dtype)
    features, *rest = arguments(dtype)
    given = [argument.clone() for argument in rest]
    expected, _ = inr(features, *rest)
    assert expected.requires_grad
    with torch.no_grad():
        values, _ = inr(features, *rest)
    torch.testing.assert_close(values, expected)
    for argument, before in zip(rest, given, strict=True):
        assert torch.equal(argument, before)


def test_shapes():
    values, tokens = build()(*arguments())
    assert values.shape == (3, 5, 16)
    assert tokens.shape == (3, 2 * 16 // 4, 4)


@pytest.mark.parametrize(
    ("hypernetwork", "differ"), [("transformer", True), ("linear", True), ("none", False)]
)
def test_charts_without_axes_differ_by_their_tokens(hypernetwork, differ):
    inr = build(hypernetwork=hypernetwork)
    inr.frame.axes.weight.data[0] = 0  # degree 0
    features, radial, harmonics = arguments()
    features[:, 1:] = 0
    values, _ = inr(features, radial[:1].expand(3, -1, -1), harmonics)
    assert bool((values[0] - values[1]).abs().max() > 1e-4) == differ


def test_values_are_smooth_through_the_origin():
    inr, soft = build(torch.float64), SoftHarmonics().double()
    features = torch.randn(1, 9, 8, dtype=torch.float64)
    radial = torch.randn(1, 2, 16, dtype=torch.float64)

    def values(points):
        return inr(features, radial, soft(points)[1][None])[0]

    origin = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(values, origin, eps=1e-5)
    assert torch.autograd.gradgradcheck(values, origin, eps=1e-5)
