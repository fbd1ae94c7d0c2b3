"""Function-space hyper-networks: from the latent of a chart to the weight tokens of its INR."""

import torch
from torch import Tensor, nn

from schnetpack_molfield.checks import check_choice
from schnetpack_molfield.nn.dense import ScaledDense
from schnetpack_molfield.representation.tokenization import WeightTokenizer

__all__ = [
    "HYPERNETWORKS",
    "LinearHyperNetwork",
    "SharedWeights",
    "TransformerHyperNetwork",
    "VariationalLatent",
    "make_hypernetwork",
]


class SharedWeights(nn.Module):
    """No hyper-network: every chart has the shared weights. For ablation.

    Args:
        n_latent: length of the latent.
        tokenizer: meaning of the tokens.
    """

    def __init__(self, n_latent: int, tokenizer: WeightTokenizer) -> None:
        super().__init__()
        self.n_tokens = tokenizer.n_tokens
        self.group = tokenizer.group

    def forward(self, latent: Tensor) -> Tensor:
        """Map latents (n_charts, n_latent) to tokens (n_charts, n_tokens, group)."""
        return latent.new_zeros(latent.shape[0], self.n_tokens, self.group)


class LinearHyperNetwork(nn.Module):
    """One linear map from the latent to all weights, without tokens that know of each other.

    Args:
        n_latent: length of the latent.
        tokenizer: meaning of the tokens.
    """

    def __init__(self, n_latent: int, tokenizer: WeightTokenizer) -> None:
        super().__init__()
        self.n_tokens = tokenizer.n_tokens
        self.group = tokenizer.group
        self.weights = ScaledDense(n_latent, self.n_tokens * self.group, gain=0.0)

    def forward(self, latent: Tensor) -> Tensor:
        """Map latents (n_charts, n_latent) to tokens (n_charts, n_tokens, group)."""
        return self.weights(latent).reshape(-1, self.n_tokens, self.group)


class _Attention(nn.Module):
    """Multi-head attention of tokens to themselves and to the latent.

    Written out because the fused kernels of PyTorch have no second derivative, which training
    with forces needs, and so that tokens that all charts share are mapped only once.
    """

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.scale = (width // n_heads) ** -0.5
        self.query = ScaledDense(width, width, bias=False)
        self.key_value = ScaledDense(width, 2 * width, bias=False)
        self.out = ScaledDense(width, width, bias=False)

    def _heads(self, x: Tensor, n_heads: int) -> Tensor:
        return x.view(x.shape[0], x.shape[1], n_heads, -1).transpose(1, 2)

    def forward(self, tokens: Tensor, latent: Tensor) -> Tensor:
        """Map tokens (n or 1, t, width) and the latent (n, s, width) to (n, t, width)."""
        n, t = latent.shape[0], tokens.shape[1]
        q = self._heads(self.query(tokens) * self.scale, self.n_heads)  # (n or 1, heads, t, d)
        pairs = self._heads(self.key_value(tokens), 2 * self.n_heads)
        key, value = pairs.split(self.n_heads, dim=1)  # (n or 1, heads, t, d) each
        pairs = self._heads(self.key_value(latent), 2 * self.n_heads)
        latent_key, latent_value = pairs.split(self.n_heads, dim=1)  # (n, heads, s, d) each

        own = (q @ key.transpose(2, 3)).expand(n, -1, -1, -1)  # (n, heads, t, t)
        scores = torch.cat([own, q @ latent_key.transpose(2, 3)], dim=3)
        own, other = torch.softmax(scores, dim=3).split([t, latent.shape[1]], dim=3)
        mixed = own @ value + other @ latent_value  # (n, heads, t, d)
        return self.out(mixed.transpose(1, 2).flatten(2))


class _Block(nn.Module):
    """Pre-norm transformer block: tokens attend to themselves and the latent, then an MLP."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.attention = _Attention(width, n_heads)
        self.attention_norm = nn.LayerNorm(width)
        self.latent_norm = nn.LayerNorm(width)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(ScaledDense(width, width), nn.SiLU(), ScaledDense(width, width))

    def forward(self, tokens: Tensor, latent: Tensor) -> Tensor:
        """Map tokens (n or 1, t, width) and the latent (n, s, width) to (n, t, width)."""
        read = self.attention(self.attention_norm(tokens), self.latent_norm(latent))
        tokens = tokens + read
        return tokens + self.mlp(self.mlp_norm(tokens))


class TransformerHyperNetwork(nn.Module):
    """Pre-norm transformer over weight tokens, which attend to the latent of the chart.

    The sequence is one token per group of columns, known by learned embeddings of its layer and
    its group, and the latent cut into `n_latent_tokens` pieces. The last map starts at zero, so
    training starts from one function that all charts share.

    Args:
        n_latent: length of the latent.
        tokenizer: meaning of the tokens.
        width: width of the transformer.
        n_blocks: number of blocks.
        n_heads: number of attention heads.
        n_latent_tokens: pieces of the latent; divides `n_latent`.
    """

    def __init__(
        self,
        n_latent: int,
        tokenizer: WeightTokenizer,
        width: int = 32,
        n_blocks: int = 1,
        n_heads: int = 2,
        n_latent_tokens: int = 4,
    ) -> None:
        super().__init__()
        self.layer_embedding = nn.Parameter(torch.randn(tokenizer.n_layers, 1, width))
        self.group_embedding = nn.Parameter(torch.randn(1, tokenizer.n_groups, width))
        self.latent_embedding = nn.Parameter(torch.randn(n_latent_tokens, width))
        self.latent = ScaledDense(n_latent // n_latent_tokens, width)
        self.blocks = nn.ModuleList(_Block(width, n_heads) for _ in range(n_blocks))
        self.norm = nn.LayerNorm(width)
        self.out = ScaledDense(width, tokenizer.group, gain=0.0)
        self.n_latent_tokens = n_latent_tokens

    def forward(self, latent: Tensor) -> Tensor:
        """Map latents (n_charts, n_latent) to tokens (n_charts, n_tokens, group)."""
        tokens = (self.layer_embedding + self.group_embedding).flatten(0, 1).unsqueeze(0)
        pieces = latent.reshape(latent.shape[0], self.n_latent_tokens, -1)
        context = self.latent(pieces) + self.latent_embedding  # (n_charts, n_latent_tokens, width)
        for block in self.blocks:
            tokens = block(tokens, context)
        return self.out(self.norm(tokens))


HYPERNETWORKS: dict[str, type[nn.Module]] = {
    "transformer": TransformerHyperNetwork,
    "linear": LinearHyperNetwork,
    "none": SharedWeights,
}


def make_hypernetwork(name: str, n_latent: int, tokenizer: WeightTokenizer) -> nn.Module:
    """Build that hyper-network; an unknown name raises ValueError with the nearest known."""
    check_choice("hypernetwork", name, list(HYPERNETWORKS))
    return HYPERNETWORKS[name](n_latent, tokenizer)


class VariationalLatent(nn.Module):
    r"""Latent with a Gaussian posterior, :math:`z \sim N(\mu, \sigma^2)`, and prior N(0, I).

    Sampled in training, equal to the mean in evaluation. Kingma & Welling 2014, arXiv:1312.6114.

    Args:
        n_latent: length of the latent.
    """

    def __init__(self, n_latent: int) -> None:
        super().__init__()
        self.posterior = ScaledDense(n_latent, 2 * n_latent)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Sample the scalars of charts.

        Args:
            features: shape (n_charts, 9, n_latent).

        Returns:
            features with the latent as scalars, same shape; KL(posterior, prior) (n_charts,).
        """
        scalars, others = features.split([1, 8], dim=1)
        mean, log_variance = self.posterior(scalars).chunk(2, dim=-1)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=(1, 2))
        if self.training:
            mean = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        return torch.cat([mean, others], dim=1), divergence
