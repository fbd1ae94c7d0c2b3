"""MolField next to SchNetPack's PaiNN and SchNet: same data, split, epochs, optimizer, threads.

    python -m benchmarks.compare acac --data acac_300K.npz --epochs 60
    python -m benchmarks.compare aspirin --data rmd17_aspirin.npz --epochs 60
    python -m benchmarks.compare homo --data qm9.npz --epochs 30

64 features, 3 interactions, 20 Gaussians, cosine cutoff at 5 Angstrom, AdamW with one-cycle 1e-3
(`--learning-rate`); with forces batches of 10 and loss 0.01 E^2 + 0.99 F^2, without them batches
of 100. Every finished run is one line of `compare.jsonl`, and what is there isn't run again.
"""

from __future__ import annotations

import json
import time as clock
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.representation import PaiNN, SchNet
from torch import nn

from benchmarks.timing import seconds_in_turn
from benchmarks.training import (
    TARGETS,
    Molecules,
    Offset,
    Target,
    errors,
    load,
    loss_of,
    train,
    with_label,
)
from schnetpack_molfield.representation import MolField

CUTOFF, N_RBF, N_FEATURES = 5.0, 20, 64
REPRESENTATIONS = {
    "painn": (PaiNN, {}),
    "schnet": (SchNet, {}),
    "molfield": (MolField, {}),
    "molfield-molecule": (MolField, {"charts": "molecule"}),
    "molfield-soft": (MolField, {"frame": "soft"}),
    "molfield-none": (MolField, {"frame": "none"}),
    "molfield-linear": (MolField, {"hypernetwork": "linear"}),
    "molfield-shared": (MolField, {"hypernetwork": "none"}),
}
#: training, validation and test molecules, batch size
SIZES = {
    "acac": (450, 50, 650, 10),
    "aspirin": (950, 50, 900, 10),
    "homo": (10_000, 500, 2_000, 100),
    "alpha": (10_000, 500, 2_000, 100),
    "u0": (10_000, 500, 2_000, 100),
}
Line = dict[str, float | int | str]


def build(name: str, target: Target) -> nn.Module:
    """An untrained model of `target` around one of `REPRESENTATIONS`."""
    cls, options = REPRESENTATIONS[name]
    representation = cls(
        n_atom_basis=N_FEATURES,
        n_interactions=3,
        radial_basis=GaussianRBF(N_RBF, CUTOFF),
        cutoff_fn=CosineCutoff(CUTOFF),
        **options,
    )
    mode = "sum" if target.extensive else "avg"
    outputs = [Atomwise(N_FEATURES, output_key="y", aggregation_mode=mode)]
    if target.forces:
        outputs.append(Forces(energy_key="y", force_key="forces"))
    return NeuralNetworkPotential(representation, [PairwiseDistances()], outputs)


def parts(path: Path, task: str) -> tuple[Molecules, Molecules, Molecules]:
    """Training, validation and test molecules, a fixed random choice within the file's split."""
    n_train, n_validation, n_test, _ = SIZES[task]
    rng = np.random.default_rng(0)
    with np.load(path) as archive:
        if "split" in archive:
            known = rng.permutation(np.flatnonzero(archive["split"] == 0))
            test = np.flatnonzero(archive["split"] != 0)[:n_test]
        else:
            known = np.flatnonzero(archive["full_props_mask"])
            known, test = np.split(rng.permutation(known), [n_train + n_validation])
    chosen = known[:n_train], known[n_train : n_train + n_validation], test[:n_test]
    return tuple(load(path, TARGETS[task], np.sort(part), CUTOFF) for part in chosen)  # type: ignore[return-value]


def run(
    name: str, task: str, epochs: int, seed: int, learning_rate: float, data: tuple[Molecules, ...]
) -> Line:
    """Train and test one model; errors in the unit of the target and its unit per Angstrom."""
    torch.manual_seed(seed)
    target = TARGETS[task]
    model = build(name, target)
    offset = Offset(data[0], target.extensive)
    offset.scale = 1.0 if target.forces else offset.scale  # energy and forces share one unit
    training, validation, test = (with_label(part, offset(part)) for part in data)
    quantity = "forces_mae" if target.forces else "label_mae"
    curve: list[tuple[float, float]] = []

    def note(seconds: float) -> None:
        error = errors(model, validation, 100)[quantity] * offset.scale
        curve.append((round(seconds, 2), round(error, 5)))

    options = {"learning_rate": learning_rate, "after_epoch": note}
    train(model, training, epochs, SIZES[task][3], **options)  # type: ignore[arg-type]
    found = errors(model, test, 100)
    scales = {key: 1.0 if key.startswith("forces") else offset.scale for key in found}
    return {
        "task": task,
        "model": name,
        "epochs": epochs,
        "seed": seed,
        "learning_rate": learning_rate,
        "parameters": sum(p.numel() for p in model.parameters()),
        **{key: value * scales[key] for key, value in found.items()},
        "curve": json.dumps(curve),
    }


def step_times(names: list[str], task: str, data: Molecules, rounds: int) -> dict[str, float]:
    """Milliseconds per training step, models in turn so that noise hits all alike; medians."""
    target = TARGETS[task]
    chosen = torch.arange(SIZES[task][3])

    def step(model: nn.Module) -> None:
        model.zero_grad()
        loss_of(model, data.batch(chosen), 0.0).backward()

    steps = {name: partial(step, build(name, target)) for name in names}
    seconds = seconds_in_turn(steps, rounds, clock.perf_counter)
    return {name: 1e3 * float(np.median(times)) for name, times in seconds.items()}


def seconds_to_reach(line: Line, goal: float) -> str:
    """Training time until the validation error falls to `goal`."""
    reached = [seconds for seconds, error in json.loads(str(line["curve"])) if error <= goal]
    return f"{reached[0]:.0f}" if reached else "-"


def table(lines: list[Line], times: dict[str, float]) -> Table:
    """Errors in thousandths, relative to PaiNN, and times."""
    painn = next(line for line in lines if line["model"] == "painn")
    goal = json.loads(str(painn["curve"]))[-1][1]
    kinds = [key for key in ("label", "forces") if f"{key}_mae" in painn]
    shown = [f"{key}_{error}" for key in kinds for error in ("mae", "rmse")]
    rate, seed = painn["learning_rate"], painn["seed"]
    title = f"{painn['task']}, {painn['epochs']} epochs, learning rate {rate:g}, seed {seed}"
    ratios = [f"{key} MAE / PaiNN" for key in kinds]
    columns = ["model", *shown, *ratios, "parameters", "ms/step", "/ PaiNN", "s to PaiNN's error"]
    rows = Table(*columns, title=title)
    for line in lines:
        name = str(line["model"])
        rows.add_row(
            name,
            *(f"{1e3 * float(line[key]):.2f}" for key in shown),
            *(f"{float(line[f'{k}_mae']) / float(painn[f'{k}_mae']):.2f}" for k in kinds),
            f"{line['parameters']:,}",
            f"{times[name]:.1f}",
            f"{times[name] / times['painn']:.2f}",
            seconds_to_reach(line, goal),
        )
    return rows


def main(
    task: Annotated[str, typer.Argument(help=", ".join(SIZES))],
    data: Annotated[Path, typer.Option(help="acac_300K.npz, rmd17_aspirin.npz or qm9.npz")],
    models: str = "painn,schnet,molfield",
    epochs: int = 60,
    seed: int = 0,
    learning_rate: Annotated[float, typer.Option(help="Largest of the one-cycle.")] = 1e-3,
    threads: int = 1,
    rounds: Annotated[int, typer.Option(help="Timed steps of every model.")] = 30,
    out: Path = Path("compare.jsonl"),
) -> None:
    """Run what isn't in `out` yet, then print the table."""
    torch.set_num_threads(threads)
    names = models.split(",")
    molecules = parts(data, task)
    done = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    known = {
        line["model"]: line
        for line in done
        if (line["task"], line["epochs"], line["seed"]) == (task, epochs, seed)
        and line["learning_rate"] == learning_rate
    }
    for name in names:
        if name not in known:
            known[name] = run(name, task, epochs, seed, learning_rate, molecules)
            with out.open("a") as file:
                file.write(json.dumps(known[name]) + "\n")
    times = step_times(names, task, molecules[0], rounds)
    Console(width=160).print(table([known[name] for name in names], times))
    print(f"Errors in thousandths of {TARGETS[task].unit} (forces: per Angstrom).")


if __name__ == "__main__":
    typer.run(main)
