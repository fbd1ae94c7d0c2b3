"""The canonical implicit neural representation (C-INR): one small network per chart."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from schnetpack_molfield.nn.dense import ScaledDense
from schnetpack_molfield.representation.frames import make_frame
from schnetpack_molfield.representation.hypernetwork import make_hypernetwork
from schnetpack_molfield.representation.tokenization import WeightTokenizer

__all__ = ["CanonicalINR"]


class CanonicalINR(nn.Module):
    r"""Evaluates the functions of all charts at the points of each.

    .. math::
        h_1 = \phi(g(d) + Y(x - o)\, W_c^{(1)}), \quad
        h_2 = \phi(h_1 W_c^{(2)} + b)

    g is a radial function that all charts share, :math:`Y W_c^{(1)}` are the canonical coordinates
    of `frames` with the chart's own first layer, and :math:`W_c^{(\ell)}` carry the updates of the
    weight tokens. Biases are shared. SiLU: smooth, so forces and curvatures are.

    Args:
        n_channels: number of channels of the chart's features; its scalars are the latent.
        n_hidden: width of the layers.
        frame: one of `frames.FRAMES`.
        hypernetwork: one of `hypernetwork.HYPERNETWORKS`.
        n_groups: weight tokens per layer; divides `n_hidden`.
    """

    def __init__(
        self,
        n_channels: int,
        n_hidden: int,
        frame: str = "projection",
        hypernetwork: str = "transformer",
        n_groups: int = 2,
    ) -> None:
        super().__init__()
        self.tokenizer = WeightTokenizer(2, n_hidden, n_groups)
        self.hypernetwork = make_hypernetwork(hypernetwork, n_channels, self.tokenizer)
        self.frame = make_frame(frame, n_channels, n_hidden)
        self.hidden = ScaledDense(n_hidden, n_hidden, bias=False)
        self.bias = nn.Parameter(torch.zeros(n_hidden))

    def forward(
        self,
        features: Tensor,  # (n_charts, 9, n_channels)
        radial: Tensor,  # (n_charts, n_points, n_hidden)
        harmonics: Tensor,  # (n_charts, n_points, 9)
    ) -> tuple[Tensor, Tensor]:
        """Evaluate every chart at its points.

        Returns:
            values (n_charts, n_points, n_hidden), tokens (n_charts, n_tokens, group).
        """
        axes, scales, tokens = self.weights(features)
        return self.evaluate(axes, scales, radial, harmonics), tokens

    def weights(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the charts' features (n_charts, 9, n_channels) make of the layers.

        Returns:
            axes (n_charts, 9, n_hidden) of the first layer, column factors of the second
            (n_charts, 1, n_hidden), tokens (n_charts, n_tokens, group).
        """
        tokens = self.hypernetwork(features.select(1, 0))
        first, second = self.tokenizer.scales(tokens).unbind(0)  # (n_charts, 1, n_hidden)
        return self.frame(features) * first, second, tokens

    def evaluate(self, axes: Tensor, scales: Tensor, radial: Tensor, harmonics: Tensor) -> Tensor:
        """Values (n_charts, n_points, n_hidden) of charts with these weights."""
        return self.deepen(torch.baddbmm(radial, harmonics, axes), scales)

    def deepen(self, first: Tensor, scales: Tensor) -> Tensor:
        """Values of charts whose first layer, before its activation, is `first`.

        Without a graph that buffer is used up: at this speed every pass through memory counts.
        """
        h = self.hidden(F.silu(first, inplace=not first.requires_grad))
        if h.requires_grad:
            return F.silu(torch.addcmul(self.bias, h, scales))
        return F.silu(torch.addcmul(self.bias, h, scales, out=h), inplace=True)
