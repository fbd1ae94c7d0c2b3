"""Distances between points and atoms."""

from __future__ import annotations

from torch import Tensor

__all__ = ["distances", "squared_distances"]


def squared_distances(points: Tensor, positions: Tensor) -> Tensor:
    """(..., n_points, n_atoms) from points (..., n_points, 3) and atoms (..., n_atoms, 3)."""
    axes = zip(points.unbind(-1), positions.unbind(-1), strict=True)
    x, y, z = ((p.unsqueeze(-1) - r.unsqueeze(-2)).square() for p, r in axes)
    return x + y + z


def distances(points: Tensor, positions: Tensor) -> Tensor:
    """As `squared_distances`, not squared; the gradient at zero distance is zero."""
    return squared_distances(points, positions).clamp_min(1e-12).sqrt()
