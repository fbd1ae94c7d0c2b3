"""Signed distances that know no atoms: a union of learned balls, and what is learned on top."""

from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.utils import to_dense_batch

from schnetpack_molfield import properties as keys
from schnetpack_molfield.atomistic.field_value import FieldValue

__all__ = ["LearnedDistance"]


class LearnedDistance(FieldValue):
    r"""Signed distance to a surface by charts without atoms.

    .. math:: s(x) = -\frac{1}{k} \log \sum_c \exp(-k (|x - o_c| - R_c)) + F(x)

    A soft minimum over balls around the charts' origins, with learned radii and sharpness, plus
    what `FieldValue` makes of the function F, which starts at zero. See there for keys and shapes;
    the representation is a `TrajectoryAtlas` or a `LatentAtlas`.

    Args:
        n_in: number of channels of the charts and of their function.
        radius: radius of all balls at the start, in Angstrom.
        sharpness: k at the start, in 1/Angstrom.
        output_key: key of the result, Angstrom.
        options: further arguments of `FieldValue`; `gradient_key` for Eikonal and normals.
    """

    def __init__(
        self,
        n_in: int,
        radius: float = 1.3,
        sharpness: float = 16.0,
        output_key: str = keys.sdf,
        **options: Any,
    ) -> None:
        super().__init__(n_in, ["sdf"], "Ang", output_key=output_key, **options)
        nn.init.zeros_(self.out.weight)
        self.radius = nn.Linear(n_in, 1)
        nn.init.constant_(self.radius.bias, radius)
        self.n_nearest = 32  # of more balls; the next are weaker by orders of magnitude
        self.log_sharpness = nn.Parameter(torch.tensor(float(sharpness)).log())

    def values(
        self, read: Tensor, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]
    ) -> Tensor:
        """Distances (n_points, 1) at points, where F was read."""
        return self.to_balls(points, idx_m, inputs) + self.of_function(read)

    def to_balls(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """Soft minimum of the distances to the balls (n_points, 1)."""
        radii = self.radius(inputs[keys.features].select(1, 0))  # (n_charts, 1)
        balls = torch.cat([inputs[keys.origins], radii], dim=1)  # (n_charts, 4)
        dense, real = to_dense_batch(balls, inputs[keys.chart_idx_m])  # (n_models, n_longest, 4)
        if dense.shape[1] > self.n_nearest:
            nearest = self._nearest(points, idx_m, dense.detach(), real)  # (n_points, n_nearest)
            balls, real = dense[idx_m.unsqueeze(1), nearest], real[idx_m.unsqueeze(1), nearest]
        else:
            balls, real = dense[idx_m], real[idx_m]  # (n_points, n_longest, 4)
        centers, radii = balls.split([3, 1], dim=2)
        offsets = points.unsqueeze(1) - centers  # (n_points, n_balls, 3)
        distances = (offsets.square().sum(dim=2) + 1e-6).sqrt() - radii.squeeze(2)
        sharpness = self.log_sharpness.exp()
        exponents = (-sharpness * distances).masked_fill(~real, -torch.inf)
        return -exponents.logsumexp(dim=1, keepdim=True) / sharpness

    def _nearest(self, points: Tensor, idx_m: Tensor, balls: Tensor, real: Tensor) -> Tensor:
        """Numbers of the balls that are nearest to each point, (n_points, n_nearest)."""
        order = torch.argsort(idx_m, stable=True)
        x, owners = points.detach()[order], idx_m[order]
        asked, is_point = to_dense_batch(x, owners, batch_size=balls.shape[0])
        centers, radii = balls.split([3, 1], dim=2)
        gaps = torch.cdist(asked, centers) - radii.transpose(1, 2)  # (n_models, n, n_longest)
        gaps = gaps.masked_fill(~real.unsqueeze(1), torch.inf)
        nearest = gaps.topk(self.n_nearest, dim=2, largest=False)[1][is_point]
        return nearest[torch.argsort(order)]
