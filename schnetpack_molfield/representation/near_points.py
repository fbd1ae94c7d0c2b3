"""Pairs of a point of space and a chart or atom near it, cut into tiles for matrix products."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch_geometric.utils import to_dense_batch

__all__ = ["Pairs", "Tiles", "close_pairs", "tiles"]


class Pairs(NamedTuple):
    """Pairs of a centre and a point, ordered by centre.

    Attributes:
        center: number of the centre, (n_pairs,).
        point: number of the point, (n_pairs,).
        nth: which of its point's pairs it is, (n_pairs,).
    """

    center: Tensor
    point: Tensor
    nth: Tensor


class Tiles(NamedTuple):
    """Pairs of the same centre side by side.

    Attributes:
        center: centre of every tile, (n_tiles,).
        point: its points, (n_tiles, size); n_points where it has no more.
        slots: where a point finds its pairs in the flattened tiles, (n_points, n_nearest).
        real: one where it has a pair, zero where it has no more, (n_points, n_nearest).
    """

    center: Tensor
    point: Tensor
    slots: Tensor
    real: Tensor


def close_pairs(
    points: Tensor, idx_m: Tensor, centers: Tensor, center_idx_m: Tensor, cutoff: float
) -> Pairs:
    """Pairs of a centre and a point of the same molecule that are closer than a cutoff.

    Args:
        points: (n_points, 3), at least one.
        idx_m: (n_points,) molecule of every point.
        centers: (n_centers, 3).
        center_idx_m: (n_centers,) molecule of every centre, ascending.
        cutoff: in Angstrom, may be infinite.
    """
    first, last = int(idx_m.min()), int(idx_m.max())
    candidates = (center_idx_m >= first) & (center_idx_m <= last)  # (n_centers,)
    chosen = torch.nonzero(candidates).squeeze(1)
    molecule, owner = idx_m - first, center_idx_m[chosen] - first  # (n_points,), (n_chosen,)
    n_centers = torch.bincount(owner, minlength=last - first + 1)  # (n_molecules,)
    start = n_centers.cumsum(0) - n_centers
    close = _distances(points.detach(), molecule, centers[chosen].detach(), owner) < cutoff
    row, point = torch.nonzero(close).unbind(1)
    nth = close.cumsum(0, dtype=torch.int32)[row, point] - 1
    center, order = torch.sort(start[molecule[point]] + row, stable=True)  # (n_pairs,)
    return Pairs(chosen[center], point[order], nth[order].long())


def _distances(points: Tensor, idx_m: Tensor, centers: Tensor, center_idx_m: Tensor) -> Tensor:
    """Distances (n, n_points) of points from the n centres of their molecule, padded with infinity.

    Args:
        points: (n_points, 3).
        idx_m: (n_points,) molecule of every point, from 0.
        centers: (n_centers, 3).
        center_idx_m: (n_centers,) molecule of every centre, ascending.
    """
    n_molecules = int(idx_m.max()) + 1
    if n_molecules == 1:
        return torch.cdist(centers, points)
    infinity = float("inf")
    of_molecule = to_dense_batch(centers, center_idx_m, infinity, batch_size=n_molecules)[0]
    offsets = of_molecule[idx_m] - points.unsqueeze(1)  # (n_points, n, 3)
    return offsets.square().sum(dim=2).sqrt().t()


def tiles(pairs: Pairs, n_points: int) -> Tiles:
    """Cut pairs, at least one, into tiles: points of the same centre, as many in each.

    A tile is a quarter of what a centre has on average: few slots are empty, and few tiles need a
    copy of what belongs to their centre.
    """
    n_all = pairs.point.shape[0]
    n_pairs = torch.bincount(pairs.center)  # (n_centers,)
    n_asked = int(torch.count_nonzero(n_pairs))
    size = 16 * min(16, 1 + n_all // (64 * n_asked))
    n_tiles = (n_pairs + size - 1) // size
    owner = torch.repeat_interleave(n_tiles)  # (n_tiles,)
    nth = torch.arange(owner.shape[0], device=owner.device) - (n_tiles.cumsum(0) - n_tiles)[owner]
    end = n_pairs.cumsum(0)
    start = (end - n_pairs)[owner] + size * nth  # (n_tiles,)
    pair = start.unsqueeze(1) + torch.arange(size, device=owner.device)  # (n_tiles, size)
    pair = torch.where(pair < end[owner].unsqueeze(1), pair, n_all)
    padded = nn.functional.pad(pairs.point, [0, 1], value=float(n_points))
    point = padded.index_select(0, pair.flatten()).view(pair.shape)
    slot = torch.zeros(n_all + 1, dtype=torch.long, device=pair.device)  # of every pair
    slot[pair.flatten()] = torch.arange(pair.numel(), device=pair.device)
    rows = torch.full(
        [n_points, int(pairs.nth.max()) + 1], n_all, dtype=torch.long, device=pair.device
    )
    rows[pairs.point, pairs.nth] = torch.arange(n_all, device=pair.device)
    return Tiles(owner, point, slot[rows], rows < n_all)
