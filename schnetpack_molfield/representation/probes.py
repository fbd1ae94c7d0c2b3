"""Probe points: where a chart asks the molecule's function on its own account."""

import torch
from torch import Tensor, nn

from schnetpack_molfield.nn.dense import ScaledDense
from schnetpack_molfield.representation.frames import soft_polar_frame

__all__ = ["ProbePoints"]


class ProbePoints(nn.Module):
    r"""Points that are learned in the canonical coordinates of every chart.

    .. math:: x_{cp} = o_c + Q_c u_p

    with the soft polar frame Q of the chart, so a rotated molecule is asked at rotated points. A
    chart without any direction asks at its origin only.

    Args:
        n_channels: number of channels of the charts.
        n_probes: number of points of each chart.
    """

    def __init__(self, n_channels: int, n_probes: int) -> None:
        super().__init__()
        self.points = nn.Parameter(torch.randn(n_probes, 3))
        self.axes = ScaledDense(n_channels, 3, bias=False)

    def forward(self, features: Tensor, origins: Tensor) -> Tensor:
        """Points (n_charts, n_probes, 3) of charts.

        Args:
            features: of the charts, shape (n_charts, n_rows, n_channels).
            origins: of the charts in Angstrom, shape (n_charts, 3).
        """
        frame = soft_polar_frame(self.axes(features.narrow(1, 1, 3)))  # (n_charts, 3, 3)
        return origins.unsqueeze(1) + self.points @ frame.transpose(1, 2)
