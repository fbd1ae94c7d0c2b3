"""Points of space and what is near them: pairs, and the atoms around a point."""

import schnetpack.properties as properties
import torch
from schnetpack.nn import GaussianRBF, scatter_add
from torch import Tensor, nn

from schnetpack_molfield.nn.dense import ScaledDense

__all__ = ["ElementDensity", "close_pairs", "smooth_window"]


def close_pairs(
    points: Tensor, idx_m: Tensor, centers: Tensor, center_idx_m: Tensor, cutoff: float
) -> tuple[Tensor, Tensor]:
    """Pairs of a centre and a point of the same molecule that are closer than a cutoff.

    Args:
        points: (n_points, 3), at least one.
        idx_m: (n_points,) molecule of every point.
        centers: (n_centers, 3).
        center_idx_m: (n_centers,) molecule of every centre.
        cutoff: in Angstrom, may be infinite.

    Returns:
        centre and point of every pair, (n_pairs,) each, ordered by centre.
    """
    candidates = (center_idx_m >= idx_m.min()) & (center_idx_m <= idx_m.max())  # (n_centers,)
    chosen = torch.nonzero(candidates).squeeze(1)
    close = torch.cdist(centers[chosen].detach(), points.detach()) < cutoff
    own = center_idx_m[chosen].unsqueeze(1) == idx_m  # (n_chosen, n_points)
    row, point = torch.nonzero(close & own).unbind(1)
    return chosen[row], point


def smooth_window(distances: Tensor, cutoff: float) -> Tensor:
    """(1 - d^2 / r^2)^3 below the cutoff r and zero beyond, with two continuous derivatives."""
    return (1 - (distances / cutoff).square()).clamp_min(0) ** 3


class ElementDensity(nn.Module):
    r"""Density of elements at any points, what a molecule chart learns its corrections to.

    .. math:: A_k(x) = \sum_i w(d_i)\, g_k(d_i)\, e_k(Z_i), \quad d_i^2 = |x - r_i|^2 + \epsilon^2

    It has all the symmetry of the molecule, also where that leaves no direction to a chart.

    Args:
        n_out: number of densities.
        cutoff: end of the window w in Angstrom.
        n_rbf: number of radial functions.
        max_z: largest atomic number.
        epsilon: length in Angstrom below which distances are alike, so that it is smooth.
    """

    def __init__(
        self, n_out: int, cutoff: float, n_rbf: int, max_z: int = 100, epsilon: float = 0.1
    ) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.epsilon = epsilon
        self.elements = nn.Embedding(max_z + 1, n_out)
        self.radial_basis = GaussianRBF(n_rbf, cutoff)
        self.radial_functions = ScaledDense(n_rbf, n_out)

    def forward(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """Densities (n_points, n_out) at points (n_points, 3) of molecules (n_points,)."""
        positions = inputs[properties.R]
        atom, point = close_pairs(points, idx_m, positions, inputs[properties.idx_m], self.cutoff)
        square = (points[point] - positions[atom]).square().sum(dim=1)  # (n_pairs,)
        distances = torch.sqrt(square + self.epsilon**2)
        values = self.radial_functions(self.radial_basis(distances))  # (n_pairs, n_out)
        values = values * self.elements(inputs[properties.Z])[atom]
        window = smooth_window(distances, self.cutoff).unsqueeze(1)
        return scatter_add(values * window, point, dim_size=points.shape[0])
