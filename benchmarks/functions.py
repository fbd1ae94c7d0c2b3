"""Training of learned vector-valued functions: points of a batch, their targets, a plain loop."""

from __future__ import annotations

from collections.abc import Callable

import torch
from schnetpack import properties
from torch import Tensor, nn
from torch_geometric.utils import scatter

from benchmarks.training import Molecules
from schnetpack_molfield.fields import AtomFunction

MARGIN = 3.0  # of boxes around atoms, Angstrom
Inputs = dict[str, Tensor]
#: Points (n_molecules, n_points, 3) for the molecules of a batch.
Draw = Callable[[Inputs], Tensor]
#: Weights (n_points, 1) of the points of a batch.
Weigh = Callable[[Inputs], Tensor]


def near_atoms(batch: Inputs, n: int, width: float = 1.0) -> Tensor:
    """Points (n_molecules, n, 3), normally distributed around atoms."""
    n_atoms = batch[properties.n_atoms].unsqueeze(1)  # (n_molecules, 1)
    chosen = (torch.rand(len(n_atoms), n) * n_atoms).long() + n_atoms.cumsum(0) - n_atoms
    return batch[properties.R][chosen] + width * torch.randn(*chosen.shape, 3)


def box(batch: Inputs) -> tuple[Tensor, Tensor]:
    """Lower corner and edges, (n_molecules, 1, 3) each, of the box around each molecule."""
    corners = [scatter(batch[properties.R], batch["_idx_m"], reduce=r) for r in ("min", "max")]
    lower, upper = corners[0] - MARGIN, corners[1] + MARGIN
    return lower.unsqueeze(1), (upper - lower).unsqueeze(1)


def in_box(batch: Inputs, n: int) -> Tensor:
    """Points (n_molecules, n, 3), uniform in the box around each molecule."""
    lower, edges = box(batch)
    return lower + edges * torch.rand(len(lower), n, 3)


def on_grid(batch: Inputs, n: int, spacing: float) -> Tensor:
    """Points (n_molecules, n, 3) of the regular grid in the box around each molecule."""
    lower, edges = box(batch)
    n_steps = (edges / spacing).floor() + 1
    return lower + spacing * (n_steps * torch.rand(len(lower), n, 3)).floor()


def with_points(batch: Inputs, points: Tensor, function: AtomFunction) -> Inputs:
    """The batch with points (n_molecules, n_points, 3) and, as `target`, the function there."""
    n_molecules, n_points, _ = points.shape
    points, owner = points.flatten(0, 1), torch.arange(n_molecules).repeat_interleave(n_points)
    atoms = (batch[properties.Z], batch[properties.R], batch[properties.idx_m])
    return batch | {
        "field_points": points,
        "field_n_points": torch.full((n_molecules,), n_points),
        "target": function(points, *atoms, owner),  # (n_molecules * n_points, n_channels)
    }


def train(
    model: nn.Module,
    data: Molecules,
    function: AtomFunction,
    draw: Draw,
    epochs: int,
    batch_size: int = 16,
    learning_rate: float = 2e-3,
    weigh: Weigh | None = None,
) -> None:
    """Minimise the (weighted) mean square error of `field` by Adam with a one-cycle schedule."""
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    n_batches = len(data.n_atoms) // batch_size
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=epochs * n_batches
    )
    for _ in range(epochs):
        for chosen in torch.randperm(len(data.n_atoms)).split(batch_size)[:n_batches]:
            batch = data.batch(chosen)
            batch = with_points(batch, draw(batch), function)
            optimizer.zero_grad()
            error = (model(batch)["field"] - batch["target"]).square()  # (n_points, n_channels)
            (weigh(batch) * error if weigh else error).mean().backward()
            optimizer.step()
            schedule.step()
