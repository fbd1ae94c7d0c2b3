"""Points of space and what is near them: pairs, tiles of pairs, and the atoms around a point."""

import schnetpack.properties as properties
import torch
from schnetpack.nn import GaussianRBF, scatter_add
from torch import Tensor, nn

from schnetpack_molfield.nn.dense import ScaledDense

__all__ = ["ElementDensity", "close_pairs", "gaussians", "smooth_window", "tiles"]

#: Widths of a Gaussian beyond which it is constant, below 1e-19. Far tails are denormal numbers,
#: on which a CPU takes six times longer.
TAIL = 9.5


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


def tiles(center: Tensor, point: Tensor, n_points: int) -> tuple[Tensor, Tensor]:
    """Cut pairs into tiles: points of the same centre, as many in each, for matrix products.

    A tile is a quarter of what a centre has on average: few slots are empty, and few tiles need a
    copy of what belongs to their centre.

    Args:
        center: (n_pairs,), in order.
        point: (n_pairs,).
        n_points: number of points; stands where a tile has no point.

    Returns:
        centre of every tile (n_tiles,), and its points (n_tiles, size).
    """
    n_pairs = torch.bincount(center)  # (n_centers,)
    n_asked = int(torch.count_nonzero(n_pairs))
    size = 16 * min(16, 1 + point.shape[0] // (64 * n_asked))
    n_tiles = (n_pairs + size - 1) // size
    owner = torch.repeat_interleave(n_tiles)  # (n_tiles,)
    nth = torch.arange(owner.shape[0], device=owner.device) - (n_tiles.cumsum(0) - n_tiles)[owner]
    end = n_pairs.cumsum(0)
    start = (end - n_pairs)[owner] + size * nth  # (n_tiles,)
    pair = start.unsqueeze(1) + torch.arange(size, device=owner.device)  # (n_tiles, size)
    pair = torch.where(pair < end[owner].unsqueeze(1), pair, point.shape[0])
    padded = nn.functional.pad(point, [0, 1], value=float(n_points))
    return owner, padded.index_select(0, pair.flatten()).view(pair.shape)


def gaussians(distances: Tensor, offsets: Tensor, widths: Tensor, tail: float = TAIL) -> Tensor:
    """SchNetPack's `GaussianRBF` of distances (..., n), with the functions first: (..., n_rbf, n).

    Args:
        distances: (..., n).
        offsets: centres (n_rbf,) of the Gaussians.
        widths: their standard deviations (n_rbf,), all alike.
        tail: number of widths beyond which they are constant.
    """
    steps = (distances / widths[0]).unsqueeze(-2) - (offsets / widths[0]).unsqueeze(1)
    return torch.exp(steps.clamp(-tail, tail).square() * -0.5)


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
