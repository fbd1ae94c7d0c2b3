"""Hyper-networks: one shared function at the start, one function per chart afterwards."""

import pytest
import torch
from torch.autograd import gradgradcheck
from torch.distributions import Normal, kl_divergence

from schnetpack_molfield.representation import HYPERNETWORKS, WeightTokenizer
from schnetpack_molfield.representation.hypernetwork import (
    TransformerHyperNetwork,
    VariationalLatent,
)
from schnetpack_molfield.testing.potential import perturb

N_LATENT = 8
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def build(name, trained=True):
    network = HYPERNETWORKS[name](N_LATENT, WeightTokenizer(2, 8, n_groups=2))
    if trained:
        perturb(network, seed=0)
    return network


@pytest.mark.parametrize("name", HYPERNETWORKS)
def test_starts_with_one_function_for_all_charts(name, dtype):
    tokens = build(name, trained=False).to(dtype)(torch.randn(5, N_LATENT, dtype=dtype))
    assert tokens.shape == (5, 4, 4) and tokens.dtype == dtype
    assert not tokens.any()


@pytest.mark.parametrize(
    ("name", "differ"), [("transformer", True), ("linear", True), ("none", False)]
)
def test_charts_have_their_own_functions_after_training(name, differ):
    tokens = build(name)(torch.randn(5, N_LATENT))
    assert bool((tokens[0] - tokens[1]).abs().max() > 1e-4) == differ


@pytest.mark.parametrize("name", HYPERNETWORKS)
def test_charts_do_not_see_each_other(name, dtype):
    network, latent = build(name).to(dtype), torch.randn(5, N_LATENT, dtype=dtype)
    torch.testing.assert_close(
        network(latent[2:3]), network(latent)[2:3], rtol=0, atol=TOLERANCE[dtype]
    )


@pytest.mark.parametrize("name", ["transformer", "linear"])
def test_every_parameter_learns(name):
    network = build(name)
    network(torch.randn(5, N_LATENT)).square().sum().backward()
    assert all(parameter.grad.any() for parameter in network.parameters())


def test_tokens_attend_to_each_other():
    """What is known about the first layer's tokens changes those of the second layer."""
    network, latent = build("transformer"), torch.randn(5, N_LATENT)
    before = network(latent)
    network.layer_embedding.data[0] += torch.randn(32)
    assert (network(latent) - before)[:, 2:].abs().max() > 1e-5


def test_training_with_forces_needs_second_derivatives():
    latent = torch.randn(2, N_LATENT, dtype=torch.float64, requires_grad=True)
    assert gradgradcheck(build("transformer").double(), latent)


def test_size_of_the_transformer():
    sizes = {"width": 12, "n_blocks": 3, "n_heads": 4, "n_latent_tokens": 2}
    network = TransformerHyperNetwork(N_LATENT, WeightTokenizer(2, 8, n_groups=2), **sizes)
    assert len(network.blocks) == 3 and network.latent_embedding.shape == (2, 12)
    perturb(network, seed=0)
    tokens = network(torch.randn(5, N_LATENT))
    assert tokens.shape == (5, 4, 4) and tokens.std(dim=0).min() > 1e-4


@pytest.mark.parametrize("sizes", [{"n_latent_tokens": 3}, {"width": 9, "n_heads": 2}])
def test_sizes_that_do_not_divide(sizes):
    with pytest.raises(ValueError, match="must divide the 8 channels .* and n_heads = 2"):
        TransformerHyperNetwork(N_LATENT, WeightTokenizer(2, 8, n_groups=2), **sizes)


@pytest.fixture
def latent(dtype):
    latent = VariationalLatent(N_LATENT).to(dtype)
    perturb(latent, seed=0)
    return latent


def posterior(latent, features):
    mean, log_variance = latent.posterior(features[:, 0]).chunk(2, dim=-1)
    return Normal(mean, torch.exp(log_variance / 2))


def test_divergence_is_that_of_gaussians(latent, dtype):
    features = torch.randn(5, 9, N_LATENT, dtype=dtype)
    prior = Normal(torch.tensor(0.0, dtype=dtype), torch.tensor(1.0, dtype=dtype))
    expected = kl_divergence(posterior(latent, features), prior).sum(1)
    torch.testing.assert_close(latent(features)[1], expected, rtol=TOLERANCE[dtype], atol=1e-5)


def test_evaluation_takes_the_mean(latent, dtype):
    features = torch.randn(5, 9, N_LATENT, dtype=dtype)
    result = latent.eval()(features)[0]
    assert torch.equal(result[:, 1:], features[:, 1:])
    torch.testing.assert_close(result[:, 0], posterior(latent, features).mean)


def test_training_samples_the_posterior(latent, dtype):
    features = torch.randn(1, 9, N_LATENT, dtype=dtype)
    samples, _ = latent.train()(features.expand(20000, -1, -1))
    assert torch.equal(samples[:, 1:], features.expand(20000, -1, -1)[:, 1:])
    expected = posterior(latent, features)
    scalars = samples[:, 0]
    torch.testing.assert_close(scalars.mean(0), expected.mean[0], rtol=0, atol=0.05)
    torch.testing.assert_close(scalars.std(0), expected.stddev[0], rtol=0.03, atol=0)
