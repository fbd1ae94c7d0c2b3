"""The canonical implicit neural representation (C-INR): one small network per chart."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from schnetpack_molfield.nn.activations import ACTIVATIONS
from schnetpack_molfield.nn.dense import ScaledDense
from schnetpack_molfield.nn.irreps import DEGREE, n_rows
from schnetpack_molfield.nn.parts import Part, check_part, make_part
from schnetpack_molfield.representation.frames import FRAMES
from schnetpack_molfield.representation.hypernetwork import HYPERNETWORKS
from schnetpack_molfield.representation.tokenization import WeightTokenizer

__all__ = ["CanonicalINR"]


class CanonicalINR(nn.Module):
    r"""Evaluates the functions of all charts at the points of each.

    .. math::
        h_1 = \phi(g(d) + Y(x - o)\, W_c^{(1)}), \quad
        h_\ell = \phi(h_{\ell - 1} W_c^{(\ell)} + b^{(\ell)})

    g is a radial function that all charts share, :math:`Y W_c^{(1)}` are the canonical coordinates
    of `frames` with the chart's own first layer, and :math:`W_c^{(\ell)}` carry the updates of the
    weight tokens. Biases are shared.

    Args:
        n_channels: number of channels of the chart's features; its scalars are the latent.
        n_hidden: width of the layers.
        frame: one of `frames.FRAMES`, or a callable that makes a frame of n_channels, n_hidden and
            degree.
        hypernetwork: one of `hypernetwork.HYPERNETWORKS`, or a callable that makes one of the
            latent's length and the `WeightTokenizer`.
        activation: one of `nn.activations.ACTIVATIONS`, or a callable that makes a module. Forces
            and curvatures of the field are as smooth as it is.
        n_layers: number of layers, the first one included.
        n_groups: weight tokens per layer; divides `n_hidden`.
        degree: largest degree of the chart's features.

    Raises:
        ValueError: for an unknown name, fewer than two layers, groups that don't divide, or a part
            that doesn't map shapes as the ones of this package do.
        TypeError: for something that makes no part.
    """

    def __init__(
        self,
        n_channels: int,
        n_hidden: int,
        frame: Part = "projection",
        hypernetwork: Part = "transformer",
        activation: Part = "silu",
        n_layers: int = 2,
        n_groups: int = 2,
        degree: int = DEGREE,
    ) -> None:
        super().__init__()
        if n_layers < 2:
            raise ValueError(f"n_layers = {n_layers}: the INR needs at least 2 layers")
        self.n_hidden = n_hidden
        self.degree = degree
        self.n_rows = n_rows(degree)
        self.tokenizer = WeightTokenizer(n_layers, n_hidden, n_groups)
        self.hypernetwork = make_part(
            "hypernetwork", hypernetwork, HYPERNETWORKS, n_channels, self.tokenizer
        )
        self.frame = make_part("frame", frame, FRAMES, n_channels, n_hidden, degree)
        self.activation = make_part("activation", activation, ACTIVATIONS)
        tokens = (self.tokenizer.n_tokens, self.tokenizer.group)
        check_part("hypernetwork", self.hypernetwork, (2, n_channels), (2, *tokens))
        rows = (2, self.n_rows)  # of two charts
        check_part("frame", self.frame, (*rows, n_channels), (*rows, n_hidden))
        check_part("activation", self.activation, (2, n_hidden), (2, n_hidden))
        self.hidden = nn.ModuleList(
            ScaledDense(n_hidden, n_hidden, bias=False) for _ in range(n_layers - 1)
        )
        self.bias = nn.Parameter(torch.zeros(n_layers - 1, n_hidden))
        self.in_place = activation == "silu"

    def weights(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the charts' features (n_charts, n_rows, n_channels) make of the layers.

        Returns:
            axes (n_charts, n_rows, n_hidden) of the first layer, column factors of the others
            (n_charts, n_layers - 1, n_hidden), tokens (n_charts, n_tokens, group).
        """
        tokens = self.hypernetwork(features.select(1, 0))
        scales = self.tokenizer.scales(tokens)  # (n_charts, n_layers, n_hidden)
        axes = self.frame(features) * scales.narrow(1, 0, 1)
        return axes, scales.narrow(1, 1, scales.shape[1] - 1), tokens

    def evaluate(self, axes: Tensor, scales: Tensor, radial: Tensor, harmonics: Tensor) -> Tensor:
        """Values (n_charts, n_points, n_hidden) of charts with these weights.

        Args:
            axes: shape (n_charts, n_rows, n_hidden).
            scales: shape (n_charts, n_layers - 1, n_hidden).
            radial: g at the points, shape (n_charts, n_points, n_hidden).
            harmonics: at the points, shape (n_charts, n_points, n_rows).
        """
        return self.deepen(torch.baddbmm(radial, harmonics, axes), scales)

    def deepen(self, first: Tensor, scales: Tensor) -> Tensor:
        """Values of charts whose first layer, before its activation, is `first`.

        Without a graph that buffer is used up: at this speed every pass through memory counts.
        """
        h = self._activate(first)
        for i, layer in enumerate(self.hidden):
            h, scale = layer(h), scales.narrow(1, i, 1)  # (n_charts, 1, n_hidden)
            if h.requires_grad:
                h = torch.addcmul(self.bias[i], h, scale)
            else:
                h = torch.addcmul(self.bias[i], h, scale, out=h)
            h = self._activate(h)
        return h

    def _activate(self, x: Tensor) -> Tensor:
        if self.in_place:
            return F.silu(x, inplace=not x.requires_grad)
        return self.activation(x)
