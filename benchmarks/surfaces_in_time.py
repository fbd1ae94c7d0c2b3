"""A trajectory's surface as one function of point and time, without atoms when it is asked.

    ase convert -n 0:120:5 ethanol_md.extxyz known.extxyz
    molfield refine known.extxyz --model ethanol_model/best_model --after 340 --out refined.extxyz
    python -m benchmarks.surfaces_in_time ethanol_md.extxyz --refined refined.extxyz

The protocol of DSR (Sun et al. 2023): every fifth frame of the first four fifths trains, all frames
are asked. Functions that are trained by the same loss on exact distances to van der Waals surfaces,
and one that isn't:

- `charts`: `TrajectoryAtlas` and `LearnedDistance`;
- `dynamics`: the same, and between the known frames the dynamics of the potential that made the
  trajectory, from `--refined`;
- `another`: the same with the dynamics of another potential, from `--refined-by-another`;
- `network` and `network-dynamics`: DSR's, 8 x 512, softplus, in ten times the time, on what
  `charts` and `dynamics` have;
- `spline`: the true surface of atoms on cubic splines through the known frames, for the limit of
  what interpolation can do.

Budgets are seconds of CPU time, so that a shared machine doesn't matter. Every frame that was asked
is one line of `surfaces_in_time.jsonl`, and functions that are there aren't trained again.
"""

from __future__ import annotations

import json
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
from torch import Tensor, nn

from benchmarks.surface_functions import Charts, Sample, SoftplusNetwork, SplinedAtoms, draw, train
from benchmarks.surface_scores import grid_128, mesh_scores

INTERVAL, KNOWN = 5, 0.8
Line = dict[str, float | int | str]


class Run(NamedTuple):
    """How a function is trained and asked."""

    title: str
    source: str  # of the frames that it is trained on
    share: float  # of the time for charts
    rate: float  # learning rate
    n_points: int  # per step
    every: int  # which frames are asked
    n_asked: int  # points of the grid near the surface


RUNS = {
    "charts": Run("charts", "known", 1, 1e-2, 3072, 1, 20_000),
    "dynamics": Run("charts, dynamics", "refined", 1, 1e-2, 3072, 1, 20_000),
    "another": Run("charts, another's dynamics", "another", 1, 1e-2, 3072, 1, 20_000),
    "spline": Run("atoms on splines", "known", 0, 0, 0, 1, 20_000),
    "network": Run("8 x 512 softplus", "known", 10, 3e-4, 2048, 6, 8_000),
    "network-dynamics": Run("8 x 512, dynamics", "refined", 10, 3e-4, 2048, 6, 8_000),
}


@dataclass(frozen=True)
class Data:
    """A trajectory, which of its frames are known, and what a function is trained on."""

    frames: list[Atoms]
    trained: range
    sources: dict[str, list[Atoms]]

    @property
    def numbers(self) -> Tensor:
        """Atomic numbers (n_atoms,)."""
        return torch.as_tensor(self.frames[0].numbers)


def part(frame: int, trained: range) -> str:
    """Whether a frame is known, or lies between the known ones or after them."""
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
        if run.every == 1 and k % 36 == 12:  # three between, one after
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


def build(name: str, data: Data, n_charts: int) -> tuple[nn.Module, Sample | None]:
    """An untrained function and what it is trained on."""
    chosen = data.sources[RUNS[name].source]
    if name == "spline":
        return SplinedAtoms(chosen), None
    positions = torch.tensor(np.array([atoms.positions for atoms in chosen])).float()
    times = torch.tensor([atoms.info["time"] for atoms in chosen]).float()
    sample = draw(data.numbers, positions, times, n=min(4000, 600_000 // len(times)))
    network = name.startswith("network")
    return SoftplusNetwork(sample) if network else Charts(sample, n_charts), sample


def main(
    trajectory: Annotated[Path, typer.Argument(help="Written by benchmarks.trajectory.")],
    refined: Annotated[Path | None, typer.Option(help="Written by molfield refine.")] = None,
    refined_by_another: Path | None = None,
    models: Annotated[str, typer.Option(help="Default: what there are frames for.")] = "",
    seconds: Annotated[float, typer.Option(help="CPU time to train `charts`.")] = 60.0,
    n_charts: int = 16,
    seed: int = 0,
    out: Path = Path("surfaces_in_time.jsonl"),
    picture: Path | None = None,
) -> None:
    """Train and ask what isn't in `out` yet, then print the table."""
    torch.set_num_threads(1)
    frames = ase.io.read(trajectory, index=":")
    trained = range(0, int(KNOWN * len(frames)), INTERVAL)
    files = {"refined": refined, "another": refined_by_another}
    sources = {name: ase.io.read(file, index=":") for name, file in files.items() if file}
    data = Data(frames, trained, sources | {"known": [frames[k] for k in trained]})
    lines = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    possible = [name for name, run in RUNS.items() if run.source in data.sources]
    for name in models.split(",") if models else possible:
        run = RUNS[name]
        if any(line["model"] == run.title for line in lines):
            continue
        torch.manual_seed(seed)
        model, sample = build(name, data, n_charts)
        if sample is not None:
            steps = train(model, sample, run.share * seconds, run.rate, run.n_points)
            print(f"{run.title}: {steps} steps in {run.share * seconds:.0f} s of CPU time")
        lines += ask(run, model.eval(), data)
        out.write_text("".join(json.dumps(line) + "\n" for line in lines))
    Console(width=140).print(table(lines))
    if picture is not None:
        draw_curves(picture, lines)


if __name__ == "__main__":
    typer.run(main)
