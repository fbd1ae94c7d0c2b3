"""Where in space to look at a molecule: random points of several kinds, and their weights."""

import math

import torch
from torch import Tensor

from schnetpack_molfield.fields import AtomFunction, BallDistance

__all__ = ["box_weights", "by_gradient", "in_box", "near_atoms", "near_surface"]


def near_atoms(
    positions: Tensor, n: int, width: float, generator: torch.Generator | None = None
) -> Tensor:
    """Points (n, 3), normally distributed around randomly chosen atoms.

    Args:
        positions: (n_atoms, 3) in Angstrom.
        n: number of points.
        width: standard deviation of every coordinate in Angstrom.
        generator: source of random numbers; torch's own if None.
    """
    atoms = torch.randint(len(positions), (n,), generator=generator)
    noise = torch.randn(n, 3, generator=generator, dtype=positions.dtype)
    return positions[atoms] + width * noise


def _corners(positions: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """Lower and upper corner (3,) of the box `margin` wider than the atoms at (n_atoms, 3)."""
    return positions.amin(dim=0) - margin, positions.amax(dim=0) + margin


def in_box(
    positions: Tensor, n: int, margin: float, generator: torch.Generator | None = None
) -> Tensor:
    """Points (n, 3), uniform in the box `margin` wider than the atoms at (n_atoms, 3)."""
    lower, upper = _corners(positions, margin)
    return lower + (upper - lower) * torch.rand(
        n, 3, generator=generator, dtype=positions.dtype
    )  # (n, 3)


def box_weights(
    points: Tensor, positions: Tensor, share: float, margin: float, width: float
) -> Tensor:
    r"""Weights (n_points,) that make points of `in_box` and `near_atoms` uniform in the box.

    .. math:: w = u / (s u + (1 - s) v)

    with the density u of points in the box, the density v of those near atoms and the share s of
    the former. The mean of w f over both kinds is on average the mean of f over the box. This is
    the balance heuristic of Veach & Guibas 1995, doi:10.1145/218380.218498.

    Args:
        points: (n_points, 3).
        positions: (n_atoms, 3) in Angstrom.
        share: s, positive; no weight is larger than 1 / s.
        margin: of `in_box`.
        width: of `near_atoms`.
    """
    lower, upper = _corners(positions, margin)
    inside = ((points >= lower) & (points <= upper)).all(dim=1)  # (n_points,)
    offsets = (points.unsqueeze(1) - positions) / width  # (n_points, n_atoms, 3)
    near = torch.exp(-0.5 * offsets.square().sum(dim=2)).mean(dim=1)  # (n_points,)
    volumes = (upper - lower).prod() / (math.sqrt(2 * math.pi) * width) ** 3
    return inside / (share + (1 - share) * near * volumes)


def near_surface(
    surface: BallDistance,
    atomic_numbers: Tensor,
    positions: Tensor,
    n: int,
    width: float,
    generator: torch.Generator | None = None,
    n_steps: int = 3,
) -> Tensor:
    """Points (n, 3) on both sides of a molecular surface.

    Points on the spheres of randomly chosen atoms are moved onto the surface by Newton steps along
    the gradient of its distance, and then off it again by normally distributed offsets.

    Args:
        surface: signed distance to the surface.
        atomic_numbers: (n_atoms,).
        positions: (n_atoms, 3) in Angstrom.
        n: number of points.
        width: standard deviation of every coordinate of the offsets in Angstrom.
        generator: source of random numbers; torch's own if None.
        n_steps: number of Newton steps.
    """
    atoms = torch.randint(len(positions), (n,), generator=generator)
    normal = torch.randn(2, n, 3, generator=generator, dtype=positions.dtype)
    radii = surface.radii(atomic_numbers[atoms], positions).unsqueeze(1)  # (n, 1)
    points = positions[atoms] + radii * torch.nn.functional.normalize(normal[0], dim=1)
    for _ in range(n_steps):
        distance = surface(points, atomic_numbers, positions)  # (n, 1)
        slope = surface.gradient(points, atomic_numbers, positions).squeeze(1)  # (n, 3)
        square = slope.square().sum(dim=1, keepdim=True).clamp_min(0.1)
        points = points - distance * slope / square
    return points + width * normal[1]


def by_gradient(
    function: AtomFunction,
    atomic_numbers: Tensor,
    positions: Tensor,
    n: int,
    margin: float,
    generator: torch.Generator | None = None,
    n_candidates: int = 8,
) -> Tensor:
    """Points (n, 3) where a function is steep.

    Chosen among `n_candidates` n uniform ones in the box `margin` wider than the atoms, without
    repetition and with a probability proportional to the norm of the gradients of all channels.
    """
    candidates = in_box(positions, n_candidates * n, margin, generator)
    slopes = function.gradient(candidates, atomic_numbers, positions)  # (m, n_channels, 3)
    weight = slopes.flatten(1).norm(dim=1)
    chosen = torch.multinomial(weight + 1e-6 * weight.max() + 1e-12, n, generator=generator)
    return candidates[chosen]
