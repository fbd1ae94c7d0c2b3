"""Parts that somebody else has written, for MolField: a frame, an activation, a hyper-network."""

import torch
from torch import Tensor, nn

from schnetpack_molfield.representation import WeightTokenizer


class VectorFrame(nn.Module):
    """Coordinates along a few learned vectors of the chart, and its scalars."""

    def __init__(self, n_channels: int, n_hidden: int, degree: int, n_vectors: int = 2) -> None:
        super().__init__()
        self.n_vectors = n_vectors
        self.n_unused = (degree + 1) ** 2 - 4
        self.vectors = nn.Linear(n_channels, n_vectors, bias=False)
        self.axes = nn.Linear(n_vectors, n_hidden, bias=False)
        self.scalar = nn.Linear(n_channels, n_hidden)

    def forward(self, features: Tensor) -> Tensor:
        """Map features (n_charts, n_rows, n_channels) to weights (n_charts, n_rows, n_hidden)."""
        axes = self.axes(self.vectors(features[:, 1:4]))  # (n_charts, 3, n_hidden)
        weights = torch.cat([self.scalar(features[:, :1]), axes], dim=1)
        return nn.functional.pad(weights, [0, 0, 0, self.n_unused])


class Softsine(nn.Module):
    """A wave on a slope, x + a sin(x)."""

    def __init__(self, amplitude: float = 0.5) -> None:
        super().__init__()
        self.amplitude = amplitude

    def forward(self, x: Tensor) -> Tensor:
        """Map any shape to the same shape."""
        return x + self.amplitude * torch.sin(x)


class DeepHyperNetwork(nn.Module):
    """A multilayer perceptron from the latent to all tokens."""

    def __init__(self, n_latent: int, tokenizer: WeightTokenizer, width: int = 12) -> None:
        super().__init__()
        self.width = width
        self.n_tokens = tokenizer.n_tokens
        self.group = tokenizer.group
        n_out = self.n_tokens * self.group
        self.layers = nn.Sequential(nn.Linear(n_latent, width), nn.Tanh(), nn.Linear(width, n_out))

    def forward(self, latent: Tensor) -> Tensor:
        """Map latents (n_charts, n_latent) to tokens (n_charts, n_tokens, group)."""
        return 0.1 * self.layers(latent).view(-1, self.n_tokens, self.group)
