"""Learned encodings of the angles under which a chart sees a point."""

import torch
from torch import Tensor, nn

from schnetpack_molfield.nn.angular import LearnedAngularEncoding
from schnetpack_molfield.nn.dense import ScaledDense

__all__ = ["ChartAngles"]


class ChartAngles(nn.Module):
    r"""Encodes the angles between the direction of a point and learned vectors of its chart.

    .. math::
        \cos\theta_k = \frac{x - o}{d} \cdot \frac{v_k}{\sqrt{|v_k|^2 + \epsilon}}, \qquad
        g(x) = \sum_k W_k\, \phi(\cos\theta_k)

    with d and (x - o) / d from `SoftHarmonics` and learned splines :math:`\phi`, the same for every
    angle (`LearnedAngularEncoding`). Where symmetry makes a vector vanish its cosine goes smoothly
    to zero; collinear vectors are no special case. W starts at zero, so the chart does, too.

    Args:
        n_channels: number of channels of the chart's features.
        n_hidden: width of the INR's first layer, to which g is added.
        n_angles: number of vectors v_k.
        n_features: number of splines; the first four start as cubic polynomials, without error.
        n_knots: number of grid points of a spline; more would make it steep where it is noisy.
        epsilon: square of the length below which a vector counts as no direction.
    """

    def __init__(
        self,
        n_channels: int,
        n_hidden: int,
        n_angles: int,
        n_features: int = 4,
        n_knots: int = 16,
        epsilon: float = 1.0,
    ) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.vectors = ScaledDense(n_channels, n_angles, bias=False)
        self.encoding = LearnedAngularEncoding(n_features, n_knots)
        self.mixing = ScaledDense(n_angles * n_features, n_hidden, bias=False, gain=0.0)

    def forward(
        self,
        features: Tensor,  # (n_charts, n_rows, n_channels)
        harmonics: Tensor,  # (n_charts, n_points, n_rows)
    ) -> Tensor:
        """Return g of every chart at its points, (n_charts, n_points, n_hidden)."""
        return self.encode(self.axes(features), harmonics)

    def axes(self, features: Tensor) -> Tensor:
        """The vectors v, with lengths below one, of charts: (n_charts, 3, n_angles)."""
        v = self.vectors(features.narrow(1, 1, 3))
        return v * torch.rsqrt(v.square().sum(dim=1, keepdim=True) + self.epsilon)

    def encode(self, axes: Tensor, harmonics: Tensor) -> Tensor:
        """G at points (n_charts, n_points, n_hidden) of charts with these vectors."""
        directions = harmonics.narrow(2, 1, 3) * 3**-0.5  # (n_charts, n_points, 3)
        encoded = self.encoding(directions @ axes)  # (n_charts, n_points, n_angles, n_features)
        return self.mixing(encoded.flatten(2))
