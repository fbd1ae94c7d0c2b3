"""What each part of MolField is worth: forces of acetylacetone and HOMO energies of QM9.

    python -m benchmarks.ablations acac --data acac_300K.npz
    python -m benchmarks.ablations homo --data qm9.npz

Each variant differs from the default in one option. Budgets are short (see `BUDGETS`): 20 epochs of
450 frames, 10 epochs of 2,000 molecules; optimizer, data and loss are those of
`benchmarks.compare`. A finished run is a line of the output file and isn't run again. The tables
show the mean over the seeds and the time of a step, variants in turn.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from torch import nn

from benchmarks.compare import CUTOFF, N_FEATURES, N_RBF, SIZES, parts
from benchmarks.timing import seconds_in_turn
from benchmarks.training import TARGETS, Molecules, Offset, errors, loss_of, train, with_label
from schnetpack_molfield.representation import MolField

VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "frame=soft": {"frame": "soft"},
    "frame=gram_schmidt": {"frame": "gram_schmidt"},
    "frame=none": {"frame": "none"},
    "hypernetwork=linear": {"hypernetwork": "linear"},
    "hypernetwork=none": {"hypernetwork": "none"},
    "degree=1": {"degree": 1},
    "degree=3": {"degree": 3},
    "n_groups=1": {"n_groups": 1},
    "n_layers=3": {"n_layers": 3},
}
#: Epochs and training molecules of each task.
BUDGETS = {"acac": (20, 450), "homo": (10, 2_000)}
Line = dict[str, float | int | str]


def build(variant: str, task: str) -> NeuralNetworkPotential:
    """An untrained model."""
    basis, cutoff_fn = GaussianRBF(N_RBF, CUTOFF), CosineCutoff(CUTOFF)
    representation = MolField(N_FEATURES, 3, basis, cutoff_fn, **VARIANTS[variant])
    target = TARGETS[task]
    mode = "sum" if target.extensive else "avg"
    outputs: list[nn.Module] = [Atomwise(N_FEATURES, output_key="y", aggregation_mode=mode)]
    if target.forces:
        outputs.append(Forces(energy_key="y", force_key="forces"))
    return NeuralNetworkPotential(representation, [PairwiseDistances()], outputs)


def run(variant: str, task: str, seed: int, data: tuple[Molecules, ...]) -> Line:
    """Train and test one model; the error is of forces in eV/A or of the label in eV."""
    torch.manual_seed(seed)
    target = TARGETS[task]
    offset = Offset(data[0], target.extensive)
    offset.scale = 1.0 if target.forces else offset.scale
    training, test = (with_label(part, offset(part)) for part in data)
    model = build(variant, task)
    train(model, training, BUDGETS[task][0], SIZES[task][3])
    found = errors(model, test, 100)
    error = found["forces_mae"] if target.forces else found["label_mae"] * offset.scale
    n_weights = sum(p.numel() for p in model.parameters())
    return {"task": task, "variant": variant, "seed": seed, "mae": error, "parameters": n_weights}


def step_times(task: str, data: Molecules, rounds: int) -> dict[str, float]:
    """Milliseconds of a training step, medians."""
    chosen = torch.arange(SIZES[task][3])

    def step(model: nn.Module) -> None:
        model.zero_grad()
        loss_of(model, data.batch(chosen), 0.0).backward()

    steps = {name: partial(step, build(name, task)) for name in VARIANTS}
    return {k: 1e3 * float(np.median(v)) for k, v in seconds_in_turn(steps, rounds).items()}


def main(
    task: Annotated[str, typer.Argument(help=", ".join(BUDGETS))],
    data: Annotated[Path, typer.Option(help="acac_300K.npz or qm9.npz")],
    seeds: str = "0,1,2",
    rounds: Annotated[int, typer.Option(help="timed steps")] = 10,
    out: Path = Path("ablations.jsonl"),
) -> None:
    """Run what isn't in `out` yet, then print the table."""
    torch.set_num_threads(1)
    training, _, test = parts(data, task)
    some = training.part(torch.arange(BUDGETS[task][1]))
    done = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    for seed in map(int, seeds.split(",")):
        for variant in VARIANTS:
            if not any((x["task"], x["variant"], x["seed"]) == (task, variant, seed) for x in done):
                done.append(run(variant, task, seed, (some, test)))
                with out.open("a") as file:
                    file.write(json.dumps(done[-1]) + "\n")
    times = step_times(task, some, rounds)
    print("| variant | MAE, meV or meV/A | / default | seeds | parameters | ms per step |")
    print("|---|---|---|---|---|---|")
    reference = 0.0
    for variant in VARIANTS:
        rows = [x for x in done if (x["task"], x["variant"]) == (task, variant)]
        mean = 1e3 * float(np.mean([x["mae"] for x in rows]))
        reference = reference or mean
        cells = (f"{mean:.1f}", f"{mean / reference:.2f}", len(rows), rows[0]["parameters"])
        print(f"| {variant} | {' | '.join(map(str, cells))} | {times[variant]:.0f} |")


if __name__ == "__main__":
    typer.run(main)
