"""Does a learned field depend on the points it is asked at or was trained at?

    python -m benchmarks.discretisation

On the sample of QM9 that ships with the package: vector-valued functions of H, C, N and O, beta 2,
800 training and 30 test molecules. First table: one model, asked in calls of its own on regular
grids of three spacings and at random points; the difference where points coincide, the relative
L2 error and the relative error of the integral. Second table: models trained on different points,
several seeds, all asked on the same grid, and at points near atoms: relative L2 errors, mean and
standard deviation over seeds. Weighted: every point counts by the inverse of the points' density.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
import typer
from schnetpack import properties
from schnetpack.atomistic import PairwiseDistances
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from torch import Tensor

from benchmarks.functions import (
    MARGIN,
    Draw,
    Inputs,
    Weigh,
    in_box,
    near_atoms,
    on_grid,
    train,
    with_points,
)
from benchmarks.training import TARGETS, Molecules, load
from schnetpack_molfield.atomistic import FieldValue
from schnetpack_molfield.datasets.qm9 import SAMPLE
from schnetpack_molfield.fields import VectorFunction
from schnetpack_molfield.nn import SmoothCutoff
from schnetpack_molfield.representation import MolField
from schnetpack_molfield.transform.sampling import box_weights

ELEMENTS, CUTOFF, WIDTH = ["H", "C", "N", "O"], 5.0, 64
N_TRAINING, N_TEST, N_POINTS = 800, 30, 256
COARSE, SPACINGS = 0.4, (0.4, 0.2, 0.1)
FUNCTION = VectorFunction(ELEMENTS, beta=2.0)


def mixed(batch: Inputs, share: float) -> Tensor:
    """This share of the points in the box, the others near atoms."""
    n_box = round(share * N_POINTS)
    return torch.cat([near_atoms(batch, N_POINTS - n_box), in_box(batch, n_box)], dim=1)


def weights(batch: Inputs, share: float) -> Tensor:
    """Weights (n_points, 1), those of `transform.FieldPoints`, for this share in the box."""
    points = batch["field_points"].split(batch["field_n_points"].tolist())
    atoms = batch[properties.R].split(batch[properties.n_atoms].tolist())
    found = [
        box_weights(x, r, share, MARGIN, width=1.0) for x, r in zip(points, atoms, strict=True)
    ]
    return torch.cat(found).unsqueeze(1)


class Sampling(NamedTuple):
    """Where to train, and how much each point counts."""

    draw: Draw
    weigh: Weigh | None = None


def weighted(share: float) -> Sampling:
    """This share of the points in the box, the others near atoms, weighted."""
    return Sampling(partial(mixed, share=share), partial(weights, share=share))


SAMPLINGS = {
    "near atoms": Sampling(partial(near_atoms, n=N_POINTS)),
    "half near atoms, half uniform": Sampling(partial(mixed, share=1 / 2)),
    "7/8 near atoms, 1/8 uniform, weighted": weighted(1 / 8),
    "half near atoms, half uniform, weighted": weighted(1 / 2),
    "uniform": Sampling(partial(in_box, n=N_POINTS)),
    "grid of 0.4 A": Sampling(partial(on_grid, n=N_POINTS, spacing=0.4)),
    "grid of 0.8 A": Sampling(partial(on_grid, n=N_POINTS, spacing=0.8)),
}
ASKED = "half near atoms, half uniform"  # the model of the first table


def molecules() -> tuple[Molecules, Molecules]:
    """Training and test molecules."""
    order = np.random.default_rng(0).permutation(2000)[: N_TRAINING + N_TEST]
    chosen = np.split(order, [N_TRAINING])
    return tuple(load(SAMPLE, TARGETS["homo"], np.sort(part), CUTOFF) for part in chosen)  # type: ignore[return-value]


def trained(how: Sampling, data: Molecules, seed: int, epochs: int) -> NeuralNetworkPotential:
    """A model of the function, trained at these points."""
    torch.manual_seed(seed)
    model = NeuralNetworkPotential(
        MolField(
            WIDTH,
            2,
            GaussianRBF(20, CUTOFF),
            CosineCutoff(CUTOFF),
            field_cutoff_fn=SmoothCutoff(4.0),
        ),
        input_modules=[PairwiseDistances()],
        output_modules=[FieldValue(WIDTH, ELEMENTS)],
    )
    train(model, data, FUNCTION, how.draw, epochs, weigh=how.weigh)
    return model.eval()


def grid(positions: Tensor, spacing: float) -> Tensor:
    """Points (n, n, n, 3) of a cube around a molecule; every coarse grid is part of the finer."""
    lower, upper = positions.amin(dim=0) - 3, positions.amax(dim=0) + 3  # (3,) each
    n_coarse = int(((upper - lower).max() / COARSE).ceil())
    steps = torch.arange(n_coarse * round(COARSE / spacing) + 1) * spacing
    return lower + torch.cartesian_prod(steps, steps, steps).view([len(steps)] * 3 + [3])


def ask(model: NeuralNetworkPotential, molecule: Inputs, points: Tensor) -> tuple[Tensor, Tensor]:
    """Learned and exact values (n_points, 4) at points (..., 3)."""
    batch = with_points(molecule, points.reshape(1, -1, 3), FUNCTION)
    with torch.no_grad():
        return model(dict(batch))["field"], batch["target"]


class Difference(NamedTuple):
    """How a field differs from a reference, of one molecule."""

    coinciding: float  # largest difference from the coarse grid, per largest value
    l2: float  # relative L2 error
    integral: float  # relative error of the integral over the cube, all channels


def compare(field: Tensor, target: Tensor, coarse: Tensor, again: Tensor) -> Difference:
    """Errors of values (n_points, 4), and the difference of two askings of the same points."""
    return Difference(
        coinciding=float((coarse - again).abs().max() / coarse.abs().max()),
        l2=float((field - target).norm() / target.norm()),
        integral=float((field.sum() - target.sum()).abs() / target.sum()),
    )


def one_function(model: NeuralNetworkPotential, molecule: Inputs) -> Iterator[Difference]:
    """The model on grids of all spacings, then at random points that include the coarse grid."""
    coarse = grid(molecule[properties.R], COARSE)
    reference = ask(model, molecule, coarse)[0]
    for spacing in SPACINGS:
        points = grid(molecule[properties.R], spacing)
        field, target = ask(model, molecule, points)
        nth = round(COARSE / spacing)
        same = field.view(*points.shape[:3], -1)[::nth, ::nth, ::nth].flatten(0, 2)
        yield compare(field, target, reference, same)
    flat = coarse.flatten(0, 2)
    spread = flat[0] + (flat[-1] - flat[0]) * torch.rand(len(flat), 3)
    order = torch.randperm(2 * len(flat))
    field, target = ask(model, molecule, torch.cat([flat, spread])[order])
    field, target = (values[order.argsort()] for values in (field, target))
    yield compare(field[len(flat) :], target[len(flat) :], reference, field[: len(flat)])


def first_table(model: NeuralNetworkPotential, test: Molecules, n: int) -> None:
    """One model at different points, means over molecules; the largest difference of all."""
    found = np.array(
        [list(one_function(model, test.batch(torch.tensor([which])))) for which in range(n)]
    )  # (n_molecules, n_askings, 3)
    print(
        "| asked on | difference at the same points | relative L2 | integral |\n|---|---|---|---|"
    )
    for which, name in enumerate([*(f"grid of {s} A" for s in SPACINGS), "random points"]):
        same, l2, integral = found[:, which, 0].max(), *found[:, which, 1:].mean(axis=0)
        print(f"| {name} | {same:.1e} | {l2:.4f} | {integral:.4f} |")


def errors(model: NeuralNetworkPotential, test: Molecules) -> tuple[float, float]:
    """Relative L2 error on the coarse grid and at points near atoms, means over molecules."""
    found = []
    for which in range(len(test.n_atoms)):
        molecule = test.batch(torch.tensor([which]))
        regular, near = grid(molecule[properties.R], COARSE), near_atoms(molecule, 4096)
        answers = [ask(model, molecule, points) for points in (regular, near)]
        found.append([float((f - t).norm() / t.norm()) for f, t in answers])
    return tuple(np.mean(found, axis=0).tolist())


def main(epochs: int = 8, seeds: int = 3, n_fine: int = 5, threads: int = 1) -> None:
    """Train a model per sampling and seed, and print both tables."""
    torch.set_num_threads(threads)
    training, test = molecules()
    rows = []
    for name, how in SAMPLINGS.items():
        models = [trained(how, training, seed, epochs) for seed in range(seeds)]
        if name == ASKED:
            first_table(models[0], test, n_fine)
        found = np.array([errors(model, test) for model in models])  # (n_seeds, 2)
        for seed, (regular, near) in enumerate(found):
            print(f"{name}, seed {seed}: {regular:.4f} / {near:.4f}", flush=True)
        pairs = zip(found.mean(axis=0), found.std(axis=0, ddof=1), strict=True)
        rows.append(f"| {name} | " + " | ".join(f"{m:.4f} ± {s:.4f}" for m, s in pairs) + " |")
    print("\n| trained at | on the grid | near atoms |\n|---|---|---|", *rows, sep="\n")


if __name__ == "__main__":
    typer.run(main)
