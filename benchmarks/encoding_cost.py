"""CPU time of a training step with each distance encoding: of the encoding alone and of models.

    python -m benchmarks.encoding_cost acac_300K.npz
    python -m benchmarks.encoding_cost acac_300K.npz --batch-size 100 --rounds 20
    python -m benchmarks.encoding_cost qm9.npz --target homo --batch-size 50

Encodings take turns in random order within one process, on one thread, so that noise hits all
alike. Lower quartiles in milliseconds. The encoding alone gets as many distances as the batch has
pairs, and with forces its step has a second derivative, as in training.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from benchmarks.encodings import CUTOFF, ENCODINGS, N_RBF, build, scaled, split
from benchmarks.timing import seconds_in_turn
from benchmarks.training import TARGETS, loss_of

Step = Callable[[], None]


def encoding_step(encoding: nn.Module, d: Tensor, readout: Tensor, forces: bool) -> None:
    """Forward and backward through an encoding, as if layers with learned weights followed."""
    encoding.zero_grad()
    d = d.clone().requires_grad_(forces)  # (n_pairs,)
    value = (encoding(d) * readout).sum()
    if forces:
        (slope,) = torch.autograd.grad(value, d, create_graph=True)
        value = value + slope.square().sum()
    value.backward()


def lower_quartiles(steps: dict[str, Step], rounds: int) -> dict[str, float]:
    """CPU milliseconds of each step."""
    seconds = seconds_in_turn(steps, rounds)
    return {name: 1e3 * float(np.quantile(values, 0.25)) for name, values in seconds.items()}


def main(
    data: Path,
    target: str = "acac",
    batch_size: int = 10,
    rounds: int = 60,
    models: str = "schnet,painn,molfield",
    encodings: Annotated[
        str, typer.Option(help="Those with pairs are timed in the models only.")
    ] = "gaussian,gaussian-trainable,bessel,learned-fast,learned-pairs16",
) -> None:
    """Print one row for each encoding, one column for it alone and for each model."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    label, names = TARGETS[target], encodings.split(",")
    (molecules, *_), _ = scaled(split(data, label, batch_size, 0, 0), label)
    n_pairs = len(molecules.idx_i)
    d = torch.rand(n_pairs) * (CUTOFF - 0.9) + 0.9  # (n_pairs,)
    readout = nn.Parameter(torch.randn(n_pairs, N_RBF))
    without_pairs = [name for name in names if "pairs" not in name]
    steps: dict[str, Step] = {
        name: partial(encoding_step, ENCODINGS[name](), d, readout, bool(label.forces))
        for name in without_pairs
    }
    columns = {f"alone, {n_pairs} pairs": lower_quartiles(steps, 10 * rounds)}
    batch = torch.arange(batch_size)

    def model_step(potential: nn.Module) -> None:
        potential.zero_grad()
        loss_of(potential, molecules.batch(batch), 0.0).backward()

    for model in models.split(","):
        steps = {name: partial(model_step, build(model, name, label)) for name in names}
        columns[model] = lower_quartiles(steps, rounds)
    table = Table("ms per step", *columns)
    for name in names:
        table.add_row(name, *(f"{times.get(name, np.nan):.2f}" for times in columns.values()))
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
