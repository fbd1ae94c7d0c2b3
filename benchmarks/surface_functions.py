"""Signed distances as functions of point and time, to be compared, and how they are trained."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from rich.progress import track
from schnetpack.model import NeuralNetworkPotential
from scipy.interpolate import CubicSpline
from torch import Tensor, nn

from schnetpack_molfield.atomistic import LearnedDistance
from schnetpack_molfield.fields import molecular_surface
from schnetpack_molfield.representation import TrajectoryAtlas
from schnetpack_molfield.train import SurfaceLoss
from schnetpack_molfield.transform.sampling import in_box, near_surface


@dataclass(frozen=True)
class Sample:
    """Exact distances around the molecule at some times."""

    times: Tensor  # (n_frames,), fs
    points: Tensor  # (n_frames, n_points, 3)
    target: Tensor  # (n_frames, n_points)

    def batch(self, n_points: int) -> tuple[Tensor, Tensor, Tensor]:
        """Points, times and targets, `n_points` in all, about equally many of every frame."""
        n_frames = min(len(self.times), 64)
        frames = torch.randperm(len(self.times))[:n_frames]
        rows = torch.randint(self.points.shape[1], (n_points // n_frames,))
        return self.points[frames][:, rows], self.times[frames], self.target[frames][:, rows]


def draw(numbers: Tensor, positions: Tensor, times: Tensor, n: int) -> Sample:
    """Distances at n points per frame, three quarters of them near the surface."""
    exact, near = molecular_surface("exact"), molecular_surface("gaussian")
    points, target = [], []
    for frame in track(positions, description="exact distances"):
        close = near_surface(near, numbers, frame, 3 * n // 4, 0.3)
        points.append(torch.cat([close, in_box(frame, n // 4, 2.5)]))
        target.append(exact(points[-1], numbers, frame).squeeze(1))
    return Sample(times, torch.stack(points), torch.stack(target))


class Charts(nn.Module):
    """The model of `experiment=molfield_surface`, for points of several frames."""

    def __init__(self, sample: Sample, n_charts: int) -> None:
        super().__init__()
        atlas = TrajectoryAtlas(n_charts, n_knots=len(sample.times), cutoff=2.5)
        atlas.begin(sample.times, sample.points[sample.target < -0.6])
        self.model = NeuralNetworkPotential(atlas, [], [LearnedDistance(16)])

    def forward(self, points: Tensor, times: Tensor) -> Tensor:
        """Distances (n_frames, n)."""
        asked = torch.full((len(times),), points.shape[1])
        inputs = {"time": times, "field_points": points.flatten(0, 1), "field_n_points": asked}
        return self.model(inputs)["sdf"].view(points.shape[:2])


class SoftplusNetwork(nn.Module):
    """DSR's: 8 layers of 512, softplus, the input once more in the middle, starts as a sphere.

    Gropp et al. 2020, arXiv:2002.10099, whose network and initial weights it has.
    """

    def __init__(self, sample: Sample, n_hidden: int = 512, n_layers: int = 8) -> None:
        super().__init__()
        self.first, self.last = float(sample.times.min()), float(sample.times.max())
        self.scale = float(sample.points.abs().max())
        widths = [4] + [n_hidden] * n_layers
        self.layers = nn.ModuleList(
            nn.Linear(n_in + (4 if k == n_layers // 2 else 0), n_out)
            for k, (n_in, n_out) in enumerate(zip(widths[:-1], widths[1:], strict=True))
        )
        self.out = nn.Linear(n_hidden, 1)
        for layer in self.layers:
            nn.init.normal_(layer.weight, 0.0, (2 / n_hidden) ** 0.5)
            nn.init.zeros_(layer.bias)
        nn.init.normal_(self.out.weight, (torch.pi / n_hidden) ** 0.5, 1e-5)
        nn.init.constant_(self.out.bias, -0.5)

    def forward(self, points: Tensor, times: Tensor) -> Tensor:
        """Distances (n_frames, n)."""
        t = 2 * (times - self.first) / (self.last - self.first) - 1
        t = t.view(-1, 1, 1).expand(*points.shape[:2], 1)
        x = h = torch.cat([points / self.scale, t], dim=2)
        for k, layer in enumerate(self.layers):
            h = torch.cat([h, x], dim=2) if k == len(self.layers) // 2 else h
            h = nn.functional.softplus(layer(h), beta=100)
        return self.scale * self.out(h).squeeze(2)


class SplinedAtoms(nn.Module):
    """Not a learned function: the true surface of atoms on cubic splines through known frames."""

    def __init__(self, frames: list[Atoms]) -> None:
        super().__init__()
        self.numbers = torch.as_tensor(frames[0].numbers)
        self.times = [atoms.info["time"] for atoms in frames]
        self.spline = CubicSpline(self.times, [atoms.positions for atoms in frames])
        self.surface = molecular_surface("vdw")

    def forward(self, points: Tensor, times: Tensor) -> Tensor:
        """Distances (1, n) at points (1, n, 3) and one time; the last frame stays."""
        positions = torch.as_tensor(self.spline(min(float(times), self.times[-1]))).float()
        return self.surface(points[0], self.numbers, positions).view(1, -1)


def train(model: nn.Module, sample: Sample, seconds: float, rate: float, n_points: int) -> int:
    """Adam until `seconds` of CPU time are over, the rate falling as a cosine; returns steps."""
    optimizer, loss_fn = torch.optim.Adam(model.parameters(), rate), SurfaceLoss(width=1.0)
    start, steps, used = time.process_time(), 0, 0.0
    while used < seconds:
        share = used / seconds
        warm = min(1.0, 20 * share)
        optimizer.param_groups[0]["lr"] = rate * warm * 0.5 * (1 + np.cos(np.pi * share))
        points, times, target = sample.batch(n_points)
        optimizer.zero_grad()
        loss_fn(model(points, times), target).backward()
        optimizer.step()
        steps, used = steps + 1, time.process_time() - start
    return steps
