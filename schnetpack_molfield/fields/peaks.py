"""Peaks of functions of space, of many molecules and channels at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from scipy.spatial import cKDTree
from torch import Tensor

__all__ = ["Peaks", "find_peaks"]

#: Function from points (n, 3) and their molecules (n,) to channels (n, n_channels).
Evaluate = Callable[[Tensor, Tensor], Tensor]

#: Height of the lowest peak that counts, in units of the highest one of its molecule.
LOWEST = 0.5
#: A seed counts where the function is higher than this part of the level of a peak.
SEED_LEVEL = 0.4
#: Steps after which a seed that hasn't arrived anywhere is given up.
N_STEPS = 20
#: Length in Angstrom of a step with which a peak counts as reached.
TOLERANCE = 2e-3


class Peaks(NamedTuple):
    """Maxima of channels, ordered by molecule.

    Attributes:
        positions: (n_peaks, 3) in Angstrom.
        channels: (n_peaks,) which channel has the peak.
        values: (n_peaks,) of that channel there.
        idx_m: (n_peaks,) molecule of each.
    """

    positions: Tensor
    channels: Tensor
    values: Tensor
    idx_m: Tensor


def find_peaks(
    evaluate: Evaluate,
    seeds: Tensor,
    idx_m: Tensor,
    level: float | None = None,
    separation: float = 0.5,
    width: float = 0.35,
) -> Peaks:
    """Peaks that can be reached from seeds, uphill.

    Seeds move along the gradient of the logarithm of a channel: to the centre of a Gaussian bump
    it is one step of the right length, which is corrected by the last two gradients (Barzilai &
    Borwein 1988, doi:10.1093/imanum/8.1.141). After the first step one of those that meet goes on.
    Of peaks closer to each other than `separation`, in whichever channels, the highest is kept.

    Args:
        evaluate: the functions; differentiable by the points.
        seeds: (n_seeds, 3) in Angstrom; every peak needs one that is nearer than to other peaks.
        idx_m: (n_seeds,) molecule of each, ascending.
        level: height from which a peak counts, positive; half that of the highest one of its
            molecule if None.
        separation: distance in Angstrom below which two peaks are one.
        width: standard deviation of bumps in Angstrom, for the first step.
    """
    with torch.no_grad():
        values = evaluate(seeds, idx_m)  # (n_seeds, n_channels)
    low = SEED_LEVEL * _levels(values.amax(dim=1), idx_m, level)  # (n_seeds,)
    seed, channels = torch.nonzero(values > low.unsqueeze(1)).unbind(1)
    owner, heights = idx_m[seed], values[seed, channels]
    positions = _climb(evaluate, seeds[seed], owner, channels, 1, separation, width)[0]
    groups = owner * values.shape[1] + channels
    chosen = _highest(positions, heights, groups, separation)  # one of those that go the same way
    owner, channels = owner[chosen], channels[chosen]
    positions, heights, arrived = _climb(
        evaluate, positions[chosen], owner, channels, N_STEPS, separation, width
    )
    arrived = arrived & (heights >= _levels(heights * arrived, owner, level))
    counts = torch.nonzero(arrived).squeeze(1)
    chosen = counts[_highest(positions[counts], heights[counts], owner[counts], separation)]
    return Peaks(positions[chosen], channels[chosen], heights[chosen], owner[chosen])


def _levels(heights: Tensor, idx_m: Tensor, level: float | None) -> Tensor:
    """Heights (n,) from which peaks count, in the molecules of n points with these heights."""
    if level is not None or len(heights) == 0:
        return torch.full_like(heights, level or 0.0)
    highest = heights.new_zeros(int(idx_m.max()) + 1)
    highest = highest.scatter_reduce(0, idx_m, heights, "amax")  # (n_molecules,)
    return LOWEST * highest.clamp_min(torch.finfo(heights.dtype).tiny)[idx_m]


def _climb(
    evaluate: Evaluate,
    positions: Tensor,
    idx_m: Tensor,
    channels: Tensor,
    n_steps: int,
    separation: float,
    width: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Positions (n, 3) nearer to maxima, values (n,) before the last step, and arrivals (n,).

    A step that doesn't lead higher is taken back and made shorter.
    """
    base, heights = positions.clone(), positions.new_zeros(len(positions))  # the highest so far
    slopes, steps = torch.zeros_like(base), torch.zeros_like(base)  # there, and from there
    squares = torch.full_like(heights, width**2)  # of the widths of bumps
    moving = torch.arange(len(base), device=base.device)
    arrived = torch.zeros_like(heights, dtype=torch.bool)
    for _ in range(n_steps):
        trial = base[moving] + steps[moving]  # (n_moving, 3)
        height, slope = _log_slope(evaluate, trial, idx_m[moving], channels[moving])
        higher = height > heights[moving]  # (n_moving,)
        square = _square_of_width(steps[moving], slopes[moving] - slope, squares[moving])
        squares[moving] = torch.where(higher, square, 0.25 * squares[moving])
        up = moving[higher]
        base[up], heights[up], slopes[up] = trial[higher], height[higher], slope[higher]
        step = squares[moving].unsqueeze(1) * slopes[moving]  # (n_moving, 3)
        length = step.norm(dim=1)  # (n_moving,)
        longest = 0.5 * separation / length.clamp_min(0.5 * separation)
        steps[moving] = step * longest.unsqueeze(1)
        near = length < TOLERANCE
        arrived[moving] = near
        moving = moving[~near & (heights[moving] > 0)]
        if len(moving) == 0:
            break
    return base + steps, heights, arrived


def _square_of_width(step: Tensor, change: Tensor, otherwise: Tensor) -> Tensor:
    """Square (n,) of the width of a bump whose slope changed along a step, where it did."""
    curvature = (step * change).sum(dim=1)  # (n,)
    square = step.square().sum(dim=1) / curvature
    return torch.where(curvature > 0, square, otherwise)


def _log_slope(
    evaluate: Evaluate, points: Tensor, idx_m: Tensor, channels: Tensor
) -> tuple[Tensor, Tensor]:
    """Values (n,) of a channel at each point, and the gradient (n, 3) of their logarithm."""
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        values = evaluate(points, idx_m).gather(1, channels.unsqueeze(1)).squeeze(1)
        (gradient,) = torch.autograd.grad(values.sum(), points)
    values = values.detach()
    return values, gradient / values.clamp_min(torch.finfo(values.dtype).tiny).unsqueeze(1)


def _highest(positions: Tensor, heights: Tensor, groups: Tensor, radius: float) -> Tensor:
    """Indices of the points that no higher one of the same group is nearer to than a radius.

    Args:
        positions: (n, 3) in Angstrom.
        heights: (n,).
        groups: (n,) integers.
        radius: in Angstrom.
    """
    apart = 2 * radius * groups.double().unsqueeze(1)  # (n, 1), a fourth coordinate
    points = torch.cat([positions.double(), apart], dim=1).numpy(force=True)
    pairs = torch.as_tensor(cKDTree(points).query_pairs(radius, output_type="ndarray"))
    first, second = pairs.to(heights.device).unbind(1)
    lower = torch.where(heights[first] < heights[second], first, second)
    kept = torch.ones_like(heights, dtype=torch.bool)
    kept[lower] = False
    return torch.nonzero(kept).squeeze(1)
