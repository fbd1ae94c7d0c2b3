"""A trajectory's surface as one function of point and time, without atoms when it is asked.

    python -m benchmarks.surfaces_in_time ethanol_md.extxyz --potential ethanol_model/best_model

The protocol of DSR (Sun et al. 2023): every fifth frame of the first four fifths trains, all frames
are asked. Three functions, trained by the same loss on exact distances to van der Waals surfaces:

- `charts`: `TrajectoryAtlas` and `LearnedDistance`;
- `newton`: the same, in twice the time, given also frames that the potential puts between the
  trained ones and after them (`interfaces.newton_path`), none of them from the file;
- `network`: DSR's, 8 x 512, softplus, in ten times the time.

Budgets are seconds of CPU time, so that a shared machine doesn't matter. Every frame that was asked
is one line of `surfaces_in_time.jsonl`, and functions that are there aren't trained again.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import ase.io
import numpy as np
import torch
import typer
from ase import Atoms
from rich.console import Console
from rich.progress import track
from rich.table import Table
from schnetpack.model import NeuralNetworkPotential
from torch import Tensor, nn

from benchmarks.surface_scores import grid_128, mesh_scores
from benchmarks.trajectory import newton_frames
from schnetpack_molfield.atomistic import LearnedDistance
from schnetpack_molfield.fields import molecular_surface
from schnetpack_molfield.representation import TrajectoryAtlas
from schnetpack_molfield.train import SurfaceLoss
from schnetpack_molfield.transform.sampling import in_box, near_surface

INTERVAL, KNOWN = 5, 0.8
Line = dict[str, float | int | str]


class Run(NamedTuple):
    """How a function is trained and asked."""

    title: str
    share: float  # of the time for charts
    rate: float  # learning rate
    n_points: int  # per step
    every: int  # which frames are asked
    n_asked: int  # points of the grid near the surface


RUNS = {
    "charts": Run("charts", 1, 1e-2, 3072, 1, 20_000),
    "newton": Run("charts, Newton", 2, 1e-2, 3072, 1, 20_000),
    "network": Run("8 x 512 softplus", 10, 3e-4, 2048, 4, 10_000),
}


@dataclass(frozen=True)
class Data:
    """A trajectory, which of its frames are trained on, and the potential that made it."""

    frames: list[Atoms]
    trained: range
    potential: Path

    @property
    def numbers(self) -> Tensor:
        """Atomic numbers (n_atoms,)."""
        return torch.as_tensor(self.frames[0].numbers)


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
    """The model of `experiment=molfield_trajectory`, for points of several frames."""

    def __init__(self, sample: Sample, n_charts: int) -> None:
        super().__init__()
        atlas = TrajectoryAtlas(n_charts, n_knots=len(sample.times))
        atlas.begin(sample.times, sample.points[sample.target < -0.6])
        self.model = NeuralNetworkPotential(atlas, [], [LearnedDistance(16, cutoff=2.5)])

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


def part(frame: int, trained: range) -> str:
    """Whether a frame was trained on, or lies between the trained ones or after them."""
    if frame in trained:
        return "trained"
    return "between" if frame < trained[-1] else "after"


def ask(run: Run, model: nn.Module, data: Data) -> list[Line]:
    """IoU of every frame that is asked, and meshes of some, one line each."""
    lines = []
    for k in track(range(0, len(data.frames), run.every), description=f"asking {run.title}"):
        atoms, now = data.frames[k], torch.tensor([data.frames[k].info["time"]]).float()

        def distance(points: Tensor, now: Tensor = now) -> Tensor:
            return model(points.unsqueeze(0), now).view(-1, 1)

        overlap = grid_128(atoms, run.n_asked).overlap(distance)
        where = part(k, data.trained)
        line: Line = {"model": run.title, "frame": k, "part": where, "iou": overlap}
        if k % 36 == 12:  # three between, one after
            line["chamfer"], line["normals"] = mesh_scores(distance, atoms)
        lines.append(line)
    return lines


def table(lines: list[Line]) -> Table:
    """Means over the frames of each part, and how the IoU falls after the last trained frame."""
    last = max(int(line["frame"]) for line in lines if line["part"] == "trained")
    later = [(5, 0), (10, 5), (20, 10), (35, 20)]  # frames
    titles = [f"{b * 10}-{a * 10} fs after" for a, b in later]
    columns = ["model", "trained", "between", "worst", *titles, "Chamfer / A^2", "normals"]
    rows = Table(*columns, title="IoU on 128^3; Chamfer and normals between trained frames")
    for name in dict.fromkeys(line["model"] for line in lines):
        own = [line for line in lines if line["model"] == name]
        between = [line for line in own if line["part"] == "between"]
        groups = [[line for line in own if line["part"] == "trained"], between]
        groups += [[x for x in own if b < int(x["frame"]) - last <= a] for a, b in later]
        trained, mean, *tail = (f"{_mean(group, 'iou'):.4f}" for group in groups)
        worst = min(float(line["iou"]) for line in between)
        meshes = [f"{_mean(between, key):.5f}" for key in ("chamfer", "normals")]
        rows.add_row(str(name), trained, mean, f"{worst:.4f}", *tail, *meshes)
    return rows


def _mean(lines: list[Line], key: str) -> float:
    values = [float(line[key]) for line in lines if key in line]
    return float(np.mean(values)) if values else float("nan")


def draw_curves(path: Path, lines: list[Line]) -> None:
    """IoU of every model against time, trained frames as dots."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 3.5))
    for name in dict.fromkeys(line["model"] for line in lines):
        own = [line for line in lines if line["model"] == name]
        (curve,) = axes.plot([x["frame"] for x in own], [x["iou"] for x in own], label=name)
        dots = [x for x in own if x["part"] == "trained"]
        style = {"color": curve.get_color(), "s": 12}
        axes.scatter([x["frame"] for x in dots], [x["iou"] for x in dots], **style)
    axes.axvline(max(int(x["frame"]) for x in lines if x["part"] == "trained"), color="gray")
    axes.set(xlabel="frame (10 fs); trained until the line", ylabel="IoU")
    axes.legend(loc="lower left")
    figure.savefig(path, dpi=110, bbox_inches="tight")


def build(name: str, data: Data, n_charts: int) -> tuple[nn.Module, Sample]:
    """An untrained function and what it is trained on."""
    if name == "newton":
        times, positions = newton_frames(data.frames, data.trained, data.potential)
        sample = draw(data.numbers, positions, times, n=2000)
        return Charts(sample, n_charts), sample
    chosen = [data.frames[k] for k in data.trained]
    positions = torch.tensor(np.array([atoms.positions for atoms in chosen])).float()
    times = torch.tensor([atoms.info["time"] for atoms in chosen]).float()
    sample = draw(data.numbers, positions, times, n=4000)
    return SoftplusNetwork(sample) if name == "network" else Charts(sample, n_charts), sample


def main(
    trajectory: Annotated[Path, typer.Argument(help="Written by benchmarks.trajectory.")],
    potential: Annotated[Path, typer.Option(help="The best_model that wrote it.")],
    models: str = ",".join(RUNS),
    seconds: Annotated[float, typer.Option(help="CPU time to train `charts`.")] = 30.0,
    n_charts: int = 16,
    seed: int = 0,
    out: Path = Path("surfaces_in_time.jsonl"),
    picture: Path | None = None,
) -> None:
    """Train and ask what isn't in `out` yet, then print the table."""
    torch.set_num_threads(1)
    frames = ase.io.read(trajectory, index=":")
    trained = range(0, int(KNOWN * len(frames)), INTERVAL)
    data = Data(frames, trained, potential)
    lines = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    for name in models.split(","):
        run = RUNS[name]
        if any(line["model"] == run.title for line in lines):
            continue
        torch.manual_seed(seed)
        model, sample = build(name, data, n_charts)
        budget = run.share * seconds
        steps = train(model, sample, budget, run.rate, run.n_points)
        print(f"{run.title}: {steps} steps in {budget:.0f} s of CPU time")
        lines += ask(run, model.eval(), data)
        out.write_text("".join(json.dumps(line) + "\n" for line in lines))
    Console(width=140).print(table(lines))
    if picture is not None:
        draw_curves(picture, lines)


if __name__ == "__main__":
    typer.run(main)
