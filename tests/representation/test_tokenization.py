"""Weight tokens: there and back, and without writing the weights."""

import pytest
import torch

from schnetpack_molfield.representation import WeightTokenizer

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-13}


@pytest.fixture
def tokenizer():
    return WeightTokenizer(n_layers=3, n_columns=8, n_groups=2)


def random_tokens(tokenizer, dtype, n_charts=5):
    return torch.randn(n_charts, tokenizer.n_tokens, tokenizer.group, dtype=dtype)


def test_tokens_to_weights_and_back(tokenizer, dtype):
    base = torch.randn(3, 6, 8, dtype=dtype)
    tokens = random_tokens(tokenizer, dtype)
    weights = tokenizer.to_weights(tokens, base)
    assert weights.shape == (5, 3, 6, 8)
    torch.testing.assert_close(
        tokenizer.to_tokens(weights, base), tokens, rtol=0, atol=TOLERANCE[dtype]
    )


def test_a_token_is_a_group_of_columns_of_one_layer(tokenizer):
    base = torch.ones(3, 6, 8)
    tokens = torch.zeros(1, tokenizer.n_tokens, 4)
    tokens[0, 3] = torch.tensor([1.0, 2.0, 3.0, 4.0])  # the second group of the second layer
    update = tokenizer.to_weights(tokens, base)[0] - base
    expected = torch.zeros(3, 6, 8)
    expected[1, :, 4:] = tokens[0, 3] / torch.sqrt(1 + tokens[0, 3] ** 2)
    torch.testing.assert_close(update, expected)


def test_tokens_of_zeros_are_the_shared_weights(tokenizer):
    base = torch.randn(3, 6, 8)
    weights = tokenizer.to_weights(torch.zeros(2, tokenizer.n_tokens, 4), base)
    assert torch.equal(weights, base.expand(2, -1, -1, -1))


def test_scaled_outputs_are_those_of_the_full_weights(tokenizer, dtype):
    base = torch.randn(3, 6, 8, dtype=dtype)
    tokens, h = random_tokens(tokenizer, dtype), torch.randn(5, 7, 6, dtype=dtype)
    weights = tokenizer.to_weights(tokens, base)
    scales = tokenizer.scales(tokens)
    assert scales.shape == (5, 3, 8)
    for layer in range(3):
        torch.testing.assert_close(
            h @ base[layer] * scales[:, layer : layer + 1],
            h @ weights[:, layer],
            rtol=0,
            atol=TOLERANCE[dtype],
        )


def test_any_weights_have_nearest_tokens(tokenizer):
    """What the tokens leave out is orthogonal, column by column, to the shared weights."""
    base = torch.randn(3, 6, 8, dtype=torch.float64)
    weights = base + 0.1 * torch.randn(5, 3, 6, 8, dtype=torch.float64)
    tokens = tokenizer.to_tokens(weights, base)
    rest = weights - tokenizer.to_weights(tokens, base)
    torch.testing.assert_close((rest * base).sum(2), torch.zeros(5, 3, 8).double())


def test_columns_are_turned_off_or_doubled_at_most(tokenizer, dtype):
    """However large tokens are: factors without an end made training run away."""
    scales = tokenizer.scales(1e6 * random_tokens(tokenizer, dtype))
    assert scales.min() >= 0 and scales.max() <= 2
    base = torch.randn(3, 6, 8, dtype=dtype)
    for weights in (-base[None], 5 * base[None]):
        assert tokenizer.to_tokens(weights, base).isfinite().all()


def test_columns_of_zeros_have_finite_tokens(tokenizer, dtype):
    base = torch.zeros(3, 6, 8, dtype=dtype)
    assert tokenizer.to_tokens(base[None], base).isfinite().all()


def test_groups_divide_the_columns():
    with pytest.raises(ValueError, match="n_groups = 3 must divide the 8 columns"):
        WeightTokenizer(n_layers=2, n_columns=8, n_groups=3)
