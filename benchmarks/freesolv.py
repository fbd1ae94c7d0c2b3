"""Vector-valued functions of FreeSolv, one forward pass, on molecules that weren't trained on.

    python -m benchmarks.freesolv atoms --data freesolv.npz
    python -m benchmarks.freesolv latent --data freesolv.npz

The function is eq. (1) of Lhotka & Probst (arXiv:2502.10848) with one channel for each of the ten
elements of FreeSolv, beta 2, van der Waals radii. `atoms`: MolField and a field of atom charts.
`latent`: all that the decoder gets is one latent of 512 numbers per molecule, a set of 32 charts.
A random split with a fixed seed; nothing is chosen on the test molecules.

A molecule is asked on a 32^3 grid over the cube with the edge of its longest side and a margin of
3 Angstrom, and PSNR = 20 log10(range) - 10 log10(MSE) is averaged over molecules. Three of them:

- relative, as theirs: each channel divided by its largest value in the molecule (by exp(beta) if
  the molecule hasn't that element), range 1, all ten channels;
- own: the same over the channels of the molecule's own elements only;
- absolute: as it is, range exp(beta), the value at the centre of a lone atom, all ten channels.

Most of space is empty and most channels are, so a field of zeros scores too: it has its own row.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from schnetpack import properties
from schnetpack.atomistic import PairwiseDistances
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio as psnr

from benchmarks.functions import MARGIN, Inputs, in_box, near_atoms, train, with_points
from benchmarks.training import Molecules, Target, load
from schnetpack_molfield.atomistic import FieldValue
from schnetpack_molfield.fields import VectorFunction
from schnetpack_molfield.nn import SmoothCutoff
from schnetpack_molfield.representation import ChartAutoencoder, MolField

ELEMENTS = ["H", "C", "N", "O", "F", "P", "S", "Cl", "Br", "I"]
BETA, CUTOFF, FIELD_CUTOFF, WIDTH, N_GRID = 2.0, 5.0, 4.0, 64, 32
N_VALIDATION, N_TEST = 30, 100
FUNCTION = VectorFunction(ELEMENTS, beta=BETA)
LABEL = Target("calc_kcal_mol", 1.0, "kcal/mol", extensive=False)  # read, not used


def parts(path: Path, seed: int) -> list[Molecules]:
    """Training, validation and test molecules."""
    with np.load(path) as archive:
        order = np.random.default_rng(seed).permutation(len(archive["n_atoms"]))
    bounds = [len(order) - N_VALIDATION - N_TEST, len(order) - N_TEST]
    return [load(path, LABEL, np.sort(part), CUTOFF) for part in np.split(order, bounds)]


def build(kind: str) -> NeuralNetworkPotential:
    """An untrained model: `atoms` or `latent`."""
    representation = ChartAutoencoder if kind == "latent" else MolField
    return NeuralNetworkPotential(
        representation(
            WIDTH,
            3,
            GaussianRBF(20, CUTOFF),
            CosineCutoff(CUTOFF),
            field_cutoff_fn=SmoothCutoff(FIELD_CUTOFF),
        ),
        input_modules=[PairwiseDistances()],
        output_modules=[FieldValue(WIDTH, ELEMENTS)],
    )


def draw(batch: Inputs) -> Tensor:
    """Points (n_molecules, 256, 3) to train on."""
    return torch.cat([near_atoms(batch, 128), in_box(batch, 128)], dim=1)


def grid(positions: Tensor) -> Tensor:
    """Grid (1, N_GRID^3, 3) over the cube around a molecule."""
    lower, upper = positions.amin(dim=0), positions.amax(dim=0)  # (3,) each
    edge = float((upper - lower).max()) + 2 * MARGIN
    steps = (torch.arange(N_GRID) + 0.5) / N_GRID - 0.5
    return ((lower + upper) / 2 + edge * torch.cartesian_prod(steps, steps, steps)).unsqueeze(0)


def scores(field: Tensor, target: Tensor) -> Tensor:
    """PSNR of a molecule (n_points, 10): relative, own, absolute."""
    largest = target.amax(dim=0)  # (10,)
    own = largest > 0
    scale = torch.where(own, largest, math.exp(BETA))
    error, zero = (field - target) / scale, torch.zeros_like(target)
    found = [psnr(error, zero, data_range=1.0), psnr(error[:, own], zero[:, own], data_range=1.0)]
    return torch.stack([*found, psnr(field, target, data_range=math.exp(BETA))])


def evaluate(model: NeuralNetworkPotential | None, data: Molecules) -> Tensor:
    """Scores (n_molecules, 3) of a model, or of a field of zeros."""
    found = []
    for which in range(len(data.n_atoms)):
        batch = data.batch(torch.tensor([which]))
        batch = with_points(batch, grid(batch[properties.R]), FUNCTION)
        with torch.no_grad():
            field = model(dict(batch))["field"] if model else torch.zeros_like(batch["target"])
        found.append(scores(field, batch["target"]))
    return torch.stack(found)


def report(name: str, values: Tensor) -> None:
    """A row of the table: the mean over molecules, and the worst molecule in brackets."""
    pairs = zip(values.mean(dim=0).tolist(), values.amin(dim=0).tolist(), strict=True)
    print(f"| {name} | " + " | ".join(f"{mean:.1f} ({worst:.1f})" for mean, worst in pairs) + " |")


def main(
    kind: Annotated[str, typer.Argument(help="atoms, latent")],
    data: Annotated[Path, typer.Option(help="freesolv.npz")],
    epochs: int = 30,
    seed: int = 0,
    threads: int = 1,
) -> None:
    """Train on 448 molecules, then print a row of the table."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    training, validation, test = parts(data, seed=0)
    model, start = build(kind), time.process_time()
    train(model, training, FUNCTION, draw, epochs)
    minutes = (time.process_time() - start) / 60
    model.eval()
    print(f"{minutes:.1f} minutes of CPU time\n| field | relative | own | absolute |")
    report("zeros, test", evaluate(None, test))
    for name, part in (("validation", validation), ("test", test)):
        report(f"{kind}, {name}", evaluate(model, part))


if __name__ == "__main__":
    typer.run(main)
