"""The exact distance to the surface of a union of balls.

The surface consists of patches of spheres, arcs of the circles in which two spheres meet, and
corners in which three meet. From any point, the nearest point of the surface is the projection
onto a sphere or a circle, or a corner, and it is exposed: no ball contains it. So the distance
is the least distance to an exposed candidate.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch_geometric.utils import to_dense_batch

from schnetpack_molfield.fields.geometry import distances

__all__ = ["Balls", "Circles", "distance_to_union"]


@dataclass(frozen=True)
class Balls:
    """Balls of several molecules side by side.

    Attributes:
        centers: (n_molecules, n_balls, 3).
        radii: (n_molecules, n_balls).
        present: (n_molecules, n_balls) False for padding.
    """

    centers: Tensor
    radii: Tensor
    present: Tensor

    def expose(self, points: Tensor) -> Tensor:
        """Where no ball contains a point, rounding aside: (B, n_points) from (B, n_points, 3)."""
        tolerance = torch.finfo(points.dtype).eps ** 0.5
        depth = self.radii.unsqueeze(1) - distances(points, self.centers)  # (B, P, n_balls)
        return ((depth < tolerance) | ~self.present.unsqueeze(1)).all(dim=-1)


@dataclass(frozen=True)
class Circles:
    """Circles in which two spheres meet, flat over molecules in ascending order.

    Attributes:
        idx_m: (n_circles,) molecule.
        centers: (n_circles, 3).
        normals: (n_circles, 3) unit vectors along the axes.
        radii: (n_circles,).
    """

    idx_m: Tensor
    centers: Tensor
    normals: Tensor
    radii: Tensor

    def select(self, keep: Tensor) -> Circles:
        """The circles where `keep` (n_circles,) is true."""
        return Circles(self.idx_m[keep], self.centers[keep], self.normals[keep], self.radii[keep])

    def any_points(self) -> Tensor:
        """One point on every circle: (n_circles, 3)."""
        return self.centers + self.radii.unsqueeze(-1) * _perpendicular(self.normals)


def distance_to_union(points: Tensor, balls: Balls) -> Tensor:
    """Signed distance (B, n_points), negative inside, from points (B, n_points, 3)."""
    outside = distances(points, balls.centers) - balls.radii.unsqueeze(1)  # (B, P, n_balls)
    outside = outside.masked_fill(~balls.present.unsqueeze(1), torch.inf).amin(dim=-1)
    circles = _meeting_circles(balls)
    corners, of_circle = _corners(circles, balls)
    alive = _exposed(circles.any_points(), circles.idx_m, balls)
    alive = alive.index_fill(0, of_circle, True)
    candidates = [
        _to_spheres(points, balls),
        _to_circles(points, circles.select(alive), balls),
        _to_corners(points, corners, circles.idx_m[of_circle]),
    ]
    inside = torch.cat(candidates, dim=-1).amin(dim=-1)  # (B, n_points)
    return torch.where(outside > 0, outside, -inside)


def _to_spheres(points: Tensor, balls: Balls) -> Tensor:
    """Distances to the exposed projections on spheres, else infinite: (B, n_points, n_balls)."""
    offsets = points.unsqueeze(2) - balls.centers.unsqueeze(1)  # (B, P, n_balls, 3)
    lengths, radii = distances(points, balls.centers), balls.radii.unsqueeze(1)
    fallback = offsets.new_tensor([0.0, 0.0, 1.0]).expand_as(offsets)
    nearest = balls.centers.unsqueeze(1) + radii.unsqueeze(-1) * _direction(offsets, fallback)
    exposed = balls.expose(nearest.flatten(1, 2)).view(lengths.shape) & balls.present.unsqueeze(1)
    return (lengths - radii).abs().masked_fill(~exposed, torch.inf)


def _to_circles(points: Tensor, circles: Circles, balls: Balls) -> Tensor:
    """Distances to the exposed projections on circles, else infinite: (B, n_points, n)."""
    n_molecules = len(points)
    centers, present = to_dense_batch(circles.centers, circles.idx_m, batch_size=n_molecules)
    normals, _ = to_dense_batch(circles.normals, circles.idx_m, batch_size=n_molecules)
    radii, _ = to_dense_batch(circles.radii, circles.idx_m, batch_size=n_molecules)
    centers, normals, radii = centers.unsqueeze(1), normals.unsqueeze(1), radii.unsqueeze(1)
    offsets = points.unsqueeze(2) - centers  # (B, P, n_circles, 3)
    height = (offsets * normals).sum(dim=-1, keepdim=True)
    outward = offsets - height * normals
    fallback = _perpendicular(normals).expand_as(outward)
    nearest = centers + radii.unsqueeze(-1) * _direction(outward, fallback)
    exposed = balls.expose(nearest.flatten(1, 2)).view(nearest.shape[:-1]) & present.unsqueeze(1)
    return _length(points.unsqueeze(2) - nearest).masked_fill(~exposed, torch.inf)


def _to_corners(points: Tensor, corners: Tensor, idx_m: Tensor) -> Tensor:
    """Distances to the corners of the point's molecule, else infinite: (B, n_points, n)."""
    dense, present = to_dense_batch(corners, idx_m, batch_size=len(points))
    return distances(points, dense).masked_fill(~present.unsqueeze(1), torch.inf)


def _meeting_circles(balls: Balls) -> Circles:
    """The circle of every pair of spheres that meet."""
    gaps = distances(balls.centers, balls.centers)  # (B, n_balls, n_balls)
    r_i, r_j = balls.radii.unsqueeze(2), balls.radii.unsqueeze(1)
    meet = (gaps < r_i + r_j) & (gaps > (r_i - r_j).abs())
    meet &= balls.present.unsqueeze(2) & balls.present.unsqueeze(1)
    b, i, j = meet.triu(diagonal=1).nonzero(as_tuple=True)
    axis = balls.centers[b, j] - balls.centers[b, i]  # (n_circles, 3)
    gap, r_i, r_j = gaps[b, i, j], balls.radii[b, i], balls.radii[b, j]
    along = (gap.square() + r_i.square() - r_j.square()) / (2 * gap)  # (n_circles,)
    normals = axis / gap.unsqueeze(-1)
    centers = balls.centers[b, i] + along.unsqueeze(-1) * normals
    return Circles(b, centers, normals, (r_i.square() - along.square()).clamp_min(1e-12).sqrt())


def _corners(circles: Circles, balls: Balls) -> tuple[Tensor, Tensor]:
    """Exposed points where a circle meets a third sphere (n, 3), and the circle of each (n,)."""
    offsets = balls.centers[circles.idx_m] - circles.centers.unsqueeze(1)  # (n_circles, A, 3)
    normals = circles.normals.unsqueeze(1)
    outward = offsets - (offsets * normals).sum(dim=-1, keepdim=True) * normals
    rho, ring = _length(outward), circles.radii.unsqueeze(-1)  # (n_circles, A), (n_circles, 1)
    power = offsets.square().sum(dim=-1) + ring.square() - balls.radii[circles.idx_m].square()
    cosine = power / (2 * ring * rho)
    crossing = (cosine.abs() < 1) & balls.present[circles.idx_m] & (rho > 1e-4)
    c, a = crossing.nonzero(as_tuple=True)  # (n,), (n,)
    cos, u = cosine[c, a].unsqueeze(-1), outward[c, a] / rho[c, a].unsqueeze(-1)
    sin_v = (1 - cos.square()).sqrt() * torch.linalg.cross(circles.normals[c], u)
    ends = torch.stack([cos * u + sin_v, cos * u - sin_v], dim=1)  # (n, 2, 3)
    corners = (circles.centers[c].unsqueeze(1) + ring[c].unsqueeze(1) * ends).flatten(0, 1)
    of_circle = c.repeat_interleave(2)
    keep = _exposed(corners, circles.idx_m[of_circle], balls)
    return corners[keep], of_circle[keep]


def _exposed(points: Tensor, idx_m: Tensor, balls: Balls) -> Tensor:
    """Which of flat points (n, 3) no ball of their molecule contains: (n,)."""
    dense, present = to_dense_batch(points, idx_m, batch_size=len(balls.centers))
    return balls.expose(dense)[present]


def _length(vectors: Tensor) -> Tensor:
    """Norm of the last axis, with a gradient of zero at zero."""
    return vectors.square().sum(dim=-1).clamp_min(1e-12).sqrt()


def _direction(vectors: Tensor, fallback: Tensor) -> Tensor:
    """Unit vectors (..., 3), or the fallback where a vector vanishes."""
    length = _length(vectors).unsqueeze(-1)
    return torch.where(length > 1e-5, vectors / length, fallback)


def _perpendicular(normals: Tensor) -> Tensor:
    """Some unit vector perpendicular to every unit vector (..., 3)."""
    least = torch.eye(3).to(normals)[normals.abs().argmin(dim=-1)]  # (..., 3)
    across = torch.linalg.cross(normals, least)
    return across / _length(across).unsqueeze(-1)
