"""Molecules of QM9 read back from their functions, and these from a short latent.

`train` fits the decoder of heavy atoms and moments of their hydrogens (`MomentAutoencoder`) to
functions of random molecules; `score` encodes molecules that weren't trained on, reads atoms off
the peaks of their functions, and compares; what isn't read back is listed with the reason.

The last 5,000 molecules of a random order with a fixed seed are kept for `score`, nothing is chosen
on them; the 1,000 before them were looked at while the model was designed.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from ase import Atoms
from schnetpack import properties
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from torch import Tensor

from schnetpack_molfield import __version__, properties as keys
from schnetpack_molfield.atomistic import FieldValue
from schnetpack_molfield.fields import LatentSpace, VectorFunction
from schnetpack_molfield.model_files import FORMAT, attach_record, load_model_file, save_model_file
from schnetpack_molfield.nn import SmoothCutoff
from schnetpack_molfield.representation import MomentAutoencoder

ELEMENTS, RADIUS = ["H", "C", "N", "O"], 0.7
FUNCTION = VectorFunction(ELEMENTS, beta=2.0, radii=dict.fromkeys(ELEMENTS, RADIUS))
WIDTH, CUTOFF, FIELD_CUTOFF, NOISE = 32, 5.0, 2.2, 0.03
BATCH_SIZE, N_POINTS, RATE, DECAY = 48, 96, 4e-3, 0.98
WIDTHS = (RADIUS / 8, RADIUS / 2, RADIUS / 2, RADIUS / 2, 1.0)  # of points around atoms, Angstrom
N_TEST, N_LOOKED_AT, TOLERANCE = 5000, 1000, 0.05  # Angstrom

app = typer.Typer(add_completion=False)
Data = Annotated[Path, typer.Option(help="qm9.npz")]


class Molecules:
    """The molecules of an archive, in a random order."""

    def __init__(self, path: Path, seed: int = 0) -> None:
        with np.load(path) as archive:
            self.numbers, self.positions = archive["Z"].astype(np.int64), archive["R"]
            sizes = archive["n_atoms"].astype(np.int64)
        self.bounds = np.stack([sizes.cumsum() - sizes, sizes.cumsum()], axis=1)
        self.order = np.random.default_rng(seed).permutation(len(sizes))

    def atoms(self, which: np.ndarray) -> list[Atoms]:
        """Molecules as ASE has them."""
        return [Atoms(self.numbers[a:b], self.positions[a:b]) for a, b in self.bounds[which]]

    def batch(self, which: np.ndarray) -> dict[str, Tensor]:
        """Molecules as SchNetPack has them, without neighbours."""
        rows = np.concatenate([np.arange(a, b) for a, b in self.bounds[which]])
        n_atoms = torch.as_tensor(np.diff(self.bounds[which]).squeeze(1))
        return {
            properties.Z: torch.as_tensor(self.numbers[rows]),
            properties.R: torch.as_tensor(self.positions[rows]),
            properties.n_atoms: n_atoms,
            properties.idx_m: torch.repeat_interleave(n_atoms),
        }


def build() -> NeuralNetworkPotential:
    """An untrained model."""
    representation = MomentAutoencoder(
        WIDTH,
        GaussianRBF(20, CUTOFF),
        CosineCutoff(CUTOFF),
        field_cutoff_fn=SmoothCutoff(FIELD_CUTOFF),
        n_layers=3,
        noise=NOISE,
    )
    head = FieldValue(WIDTH, ELEMENTS, output_key="functions", n_hidden=0, degree=3)
    return NeuralNetworkPotential(representation, output_modules=[head])


def points(batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Points (n_points, 3) in and around bumps, and the molecule of each (n_points,)."""
    n_atoms = batch[properties.n_atoms].unsqueeze(1)  # (n_molecules, 1)
    chosen = (torch.rand(len(n_atoms), N_POINTS) * n_atoms).long() + n_atoms.cumsum(0) - n_atoms
    width = torch.tensor(WIDTHS)[torch.randint(len(WIDTHS), (*chosen.shape, 1))]
    around = batch[properties.R][chosen] + width * torch.randn(*chosen.shape, 3)
    return around.flatten(0, 1), torch.arange(len(n_atoms)).repeat_interleave(N_POINTS)


def loss_of(model: NeuralNetworkPotential, batch: dict[str, Tensor]) -> Tensor:
    """Mean square error of the function at random points, in units of the height of a bump."""
    asked, idx_m = points(batch)
    atoms = (batch[properties.Z], batch[properties.R], batch[properties.idx_m])
    target = FUNCTION(asked, *atoms, idx_m)  # (n_points, n_elements)
    found = model(batch | {keys.points: asked, keys.point_idx_m: idx_m})["functions"]
    return (found - target).square().mean() / np.exp(2 * FUNCTION.beta)


def save(path: Path, model: NeuralNetworkPotential) -> None:
    """The model with what a user has to know of it."""
    record = {"version": __version__, "format": FORMAT, "cutoff": CUTOFF, "elements": ELEMENTS}
    attach_record(model, record | {"distance_unit": "Ang", "property_units": {}})
    save_model_file(path, model.eval())


@app.command()
def train(
    data: Data,
    out: Path,
    steps: int = 2000,
    rate: float = RATE,
    start_from: Path | None = None,
    seed: int = 0,
    threads: int = 1,
) -> None:
    """Train on random molecules, and write the averaged weights every 200 steps."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    molecules, rng = Molecules(data), np.random.default_rng(seed)
    training = molecules.order[: -N_TEST - N_LOOKED_AT]
    start, model = time.process_time(), load_model_file(start_from) if start_from else build()
    model.train()
    average = torch.optim.swa_utils.get_ema_multi_avg_fn(DECAY)
    averaged = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=average)
    optimizer = torch.optim.Adam(model.parameters(), rate, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps, pct_start=0.1, final_div_factor=100
    )
    losses = []
    for step in range(1, steps + 1):
        loss = loss_of(model, molecules.batch(rng.choice(training, BATCH_SIZE, replace=False)))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
        schedule.step()
        averaged.update_parameters(model)
        losses.append(float(loss.detach()))
        if step % 50 == 0:
            seconds = time.process_time() - start
            print(
                f"step {step}: error {np.mean(losses[-50:]) ** 0.5:.4f}, {seconds:.0f} s of CPU",
                flush=True,
            )
        if step % 200 == 0 or step == steps:
            save(out, averaged.module)


def compare(atoms: Atoms, read: Atoms) -> tuple[str, float]:
    """What is wrong with the atoms that were read, if anything, and the largest error, Angstrom."""
    wanted, found = (Counter(x.get_chemical_symbols()) for x in (atoms, read))
    if wanted != found:
        missing, extra = (dict(a - b) for a, b in ((wanted, found), (found, wanted)))
        return f"missing {missing or 'none'}, extra {extra or 'none'}", np.inf
    distances = cdist(atoms.positions, read.positions)
    other = atoms.numbers[:, None] != read.numbers
    rows, columns = linear_sum_assignment(distances + 1e3 * other)
    error = float(distances[rows, columns].max())
    return (f"off by {error:.3f} Angstrom" if error > TOLERANCE else ""), error


@app.command()
def score(
    model: Path, data: Data, n: int = N_TEST, looked_at: bool = False, threads: int = 1
) -> None:
    """Print how many molecules are read back, and the others with the reason."""
    torch.set_num_threads(threads)
    molecules, space = Molecules(data), LatentSpace(model)
    chosen = (
        molecules.order[-N_TEST - N_LOOKED_AT : -N_TEST] if looked_at else molecules.order[-N_TEST:]
    )
    atoms = molecules.atoms(chosen[:n])
    latents, start = space.encode(atoms), time.process_time()
    read = space.decode(latents)
    seconds = (time.process_time() - start) / len(atoms)
    results = [compare(a, b) for a, b in zip(atoms, read, strict=True)]
    errors = np.array([error for _, error in results])
    share = np.mean([not reason for reason, _ in results])
    print(f"read back: {100 * share:.2f} % of {len(atoms)}; {1e3 * seconds:.1f} ms of CPU each")
    print(
        "largest error, quantiles 50 90 99 99.5 %:",
        np.quantile(errors, [0.5, 0.9, 0.99, 0.995]).round(4),
    )
    for index, (reason, _) in enumerate(results):
        if reason:
            print(f"| {chosen[index]} | {atoms[index].symbols} | {reason} |")


if __name__ == "__main__":
    app()
