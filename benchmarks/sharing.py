"""What it brings a potential to learn a density with it: one function, two tasks.

    python -m benchmarks.sharing --data acac_300K.npz

50 and 100 frames of acetylacetone with energies and forces train a MolField, alone and together
with the electron density of the same frames (`ElectronDensity`, PBE/def2-SVP by PySCF with density
fitting: the level of the forces), 1,500 steps of 10 frames each way. The density's loss is added
with a weight that was fixed beforehand. The densities, 2,048 points a frame, are computed once and
kept in `sharing_densities.npz`. Errors are of the 650 test frames; a finished run is a line of the
output file and isn't run again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from ase import Atoms
from pyscf import dft
from rich.progress import track
from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from torch import Tensor

from benchmarks.training import TARGETS, Molecules, Offset, error_of, errors, load, with_label
from schnetpack_molfield.atomistic import ElectronDensity
from schnetpack_molfield.fields.quantum import QuantumCalculation, pyscf_molecule
from schnetpack_molfield.nn import SmoothCutoff
from schnetpack_molfield.representation import MolField
from schnetpack_molfield.train import RelativeL1

CUTOFF, FIELD_CUTOFF, WIDTH = 5.0, 3.0, 64
SIZES, N_TEST, BATCH_SIZE, N_STEPS = (50, 100), 650, 10, 1500
N_POINTS, N_ASKED = 2048, 256
FLOOR, CEILING = 0.01, 2.0
TARGET = TARGETS["acac"]
Line = dict[str, float | int | str]


def split(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the training frames, of which the first are taken, and of the test frames."""
    with np.load(path) as archive:
        known = np.flatnonzero(archive["split"] == 0)
        test = np.flatnonzero(archive["split"] != 0)[:N_TEST]
    return np.random.default_rng(0).permutation(known)[: max(SIZES)], test


def densities(path: Path, frames: np.ndarray, kept: Path) -> tuple[Tensor, Tensor]:
    """Points (n_frames, N_POINTS, 3) and densities (n_frames, N_POINTS, 1) there, e/Ang^3."""
    if not kept.exists():
        with np.load(path) as archive:
            structures = [Atoms(archive["Z"], positions=archive["R"][frame]) for frame in frames]
        rng, asked, found = np.random.default_rng(0), [], []
        for atoms in track(structures, description="densities"):
            centers = atoms.positions[rng.integers(len(atoms), size=N_POINTS)]
            asked.append(centers + rng.normal(scale=0.7, size=(N_POINTS, 3)))
            found.append(calculated(atoms).density()(asked[-1]).numpy())
        np.savez_compressed(kept, points=np.stack(asked), density=np.stack(found))
    with np.load(kept) as archive:
        return (torch.tensor(archive[key]).float() for key in ("points", "density"))  # type: ignore[return-value]


def calculated(atoms: Atoms) -> QuantumCalculation:
    """PBE/def2-SVP with density fitting."""
    mean_field = dft.RKS(pyscf_molecule(atoms, "def2-svp"), xc="pbe").density_fit()
    mean_field.grids.level, mean_field.conv_tol = 1, 1e-7
    mean_field.kernel()
    return QuantumCalculation(mean_field)


def build() -> NeuralNetworkPotential:
    """A potential and a density that read the same function."""
    representation = MolField(
        WIDTH,
        3,
        GaussianRBF(20, CUTOFF),
        CosineCutoff(CUTOFF),
        field_cutoff_fn=SmoothCutoff(FIELD_CUTOFF),
    )
    outputs = [
        Atomwise(WIDTH, output_key="y"),
        Forces(energy_key="y", force_key="forces"),
        ElectronDensity(WIDTH),
    ]
    return NeuralNetworkPotential(representation, [PairwiseDistances()], outputs)


def train(
    model: NeuralNetworkPotential, data: Molecules, asked: tuple[Tensor, Tensor], weight: float
) -> None:
    """One-cycle AdamW on energies and forces, and on the density with this weight."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=N_STEPS)
    density_loss = RelativeL1(FLOOR, CEILING)
    order: list[Tensor] = []
    for _ in range(N_STEPS):
        order = order or list(torch.randperm(len(data.n_atoms)).split(BATCH_SIZE))
        chosen = order.pop()
        batch = data.batch(chosen)
        rows = torch.randint(N_POINTS, (N_ASKED,))
        if weight:
            batch["field_points"] = asked[0][chosen][:, rows].flatten(0, 1)
            batch["field_n_points"] = torch.full((len(chosen),), N_ASKED)
        optimizer.zero_grad()
        result = model(batch)
        loss = error_of(result, batch)
        if weight:
            target = asked[1][chosen][:, rows].flatten(0, 1)
            loss = loss + weight * density_loss(result["electron_density"], target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        schedule.step()


def run(
    n: int, weight: float, seed: int, data: Molecules, test: Molecules, asked: tuple[Tensor, Tensor]
) -> Line:
    """Train and test one model."""
    torch.manual_seed(seed)
    offset = Offset(data, TARGET.extensive)
    offset.scale = 1.0  # energies and forces share one unit
    model = build()
    train(model, with_label(data, offset(data)), (asked[0][:n], asked[1][:n]), weight)
    found = errors(model, with_label(test, offset(test)), 50)
    return {"n_train": n, "weight": weight, "seed": seed, **found}


def main(
    data: Annotated[Path, typer.Option(help="acac_300K.npz")],
    seeds: str = "0,1,2",
    weight: Annotated[float, typer.Option(help="of the density's loss")] = 0.1,
    out: Path = Path("sharing.jsonl"),
    kept: Path = Path("sharing_densities.npz"),
) -> None:
    """Run what isn't in `out` yet, then print the table."""
    torch.set_num_threads(1)
    frames, others = split(data)
    asked = densities(data, frames, kept)
    test = load(data, TARGET, others, CUTOFF)
    done = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    for seed in map(int, seeds.split(",")):
        for n in SIZES:
            training = load(data, TARGET, frames[:n], CUTOFF)
            for w in (0.0, weight):
                if not any((x["n_train"], x["weight"], x["seed"]) == (n, w, seed) for x in done):
                    done.append(run(n, w, seed, training, test, asked))
                    with out.open("a") as file:
                        file.write(json.dumps(done[-1]) + "\n")
    print(
        "| frames | density | force MAE, meV/A | energy MAE, meV | seeds |\n|---|---|---|---|---|"
    )
    for n in SIZES:
        for w in (0.0, weight):
            rows = [x for x in done if (x["n_train"], x["weight"]) == (n, w)]
            means = [1e3 * np.mean([x[key] for x in rows]) for key in ("forces_mae", "label_mae")]
            print(f"| {n} | {w or 'none'} | {means[0]:.1f} | {means[1]:.1f} | {len(rows)} |")


if __name__ == "__main__":
    typer.run(main)
