"""Amortised molecular surfaces: trained on half of the molecules, asked on the others.

    python -m benchmarks.surfaces --data alanine_dipeptide_md.npz
    python -m benchmarks.surfaces --data alanine_dipeptide_md.npz --surface ses
    python -m benchmarks.surfaces --data drugbank_geoms.npz

`SignedDistance` starts from a smooth Gaussian distance and learns the exact distance to the van der
Waals (`exact`) or solvent-excluded (`ses`) surface. The halves are the two runs of a file with
`traj`, else a random choice of molecules. Everything is chosen on the first half.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from ase import Atoms
from rich.console import Console
from rich.progress import track
from rich.table import Table
from schnetpack.atomistic import PairwiseDistances
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from torch import Tensor

from benchmarks.training import Molecules, neighbours, rows_of
from schnetpack_molfield import MolecularField
from schnetpack_molfield.analysis.mesh_distance import mesh_distance
from schnetpack_molfield.atomistic import SignedDistance
from schnetpack_molfield.fields import molecular_surface
from schnetpack_molfield.nn import SmoothCutoff
from schnetpack_molfield.representation import MolField
from schnetpack_molfield.train import SurfaceLoss
from schnetpack_molfield.transform.sampling import in_box, near_surface

FIELD_CUTOFF = 4.0
CUTOFF, N_FEATURES, MARGIN = 5.0, 64, 2.5


@dataclass(frozen=True)
class Sample:
    """Molecules with the same number of points around each, and the exact distances there."""

    molecules: Molecules
    points: Tensor  # (n_molecules, n_points, 3)
    target: Tensor  # (n_molecules, n_points)

    def batch(self, chosen: Tensor) -> dict[str, Tensor]:
        """Input of a model for some molecules."""
        points = self.points[chosen]
        asked = {
            "field_points": points.flatten(0, 1),
            "field_n_points": torch.full((len(chosen),), points.shape[1]),
        }
        return self.molecules.batch(chosen) | asked


def halves(path: Path, n_train: int, n_test: int) -> tuple[Molecules, Molecules]:
    """Molecules to train on and to ask, drawn from the two halves of a file."""
    rng = np.random.default_rng(0)
    with np.load(path) as archive:
        arrays = {key: archive[key] for key in ("Z", "R", "n_atoms", "traj") if key in archive}
    if "n_atoms" in arrays:
        first, second = np.array_split(rng.permutation(len(arrays["n_atoms"])), 2)
    else:
        runs = rng.permutation(len(arrays["R"]))
        first, second = (runs[arrays["traj"][runs] == run] for run in (0, 1))
    return _molecules(arrays, first[:n_train]), _molecules(arrays, second[:n_test])


def _molecules(arrays: dict[str, np.ndarray], chosen: np.ndarray) -> Molecules:
    """Some molecules of an archive, ragged or of one composition, with their pairs of atoms."""
    if "n_atoms" in arrays:
        n_all = torch.tensor(arrays["n_atoms"].astype(int))
        rows = rows_of(torch.tensor(chosen), n_all)
        z, r, n = torch.tensor(arrays["Z"])[rows], torch.tensor(arrays["R"])[rows], n_all[chosen]
    else:
        z, r = torch.tensor(arrays["Z"]).repeat(len(chosen)), torch.tensor(arrays["R"][chosen])
        n, r = torch.full((len(chosen),), r.shape[1]), r.flatten(0, 1)
    nothing = torch.zeros(len(n))
    return Molecules(z.long(), r, n, *neighbours(r, n, CUTOFF), nothing, torch.zeros_like(r))


def single(molecules: Molecules, m: int) -> tuple[Tensor, Tensor]:
    """Atomic numbers (n_atoms,) and positions (n_atoms, 3) of one molecule."""
    rows = rows_of(torch.tensor([m]), molecules.n_atoms)
    return molecules.z[rows], molecules.r[rows]


def draw(molecules: Molecules, surface: str, n_near: int, n_box: int, width: float) -> Sample:
    """Exact distances at points near the surface and in a box."""
    exact, points, target = molecular_surface(surface), [], []
    for m in track(range(len(molecules.n_atoms)), description="exact distances"):
        z, r = single(molecules, m)
        near = near_surface(molecular_surface("gaussian"), z, r, n_near, width)
        points.append(torch.cat([near, in_box(r, n_box, MARGIN)]))
        target.append(exact(points[-1], z, r).squeeze(1))
    return Sample(molecules, torch.stack(points), torch.stack(target))


def build() -> NeuralNetworkPotential:
    """The model of `experiment=molfield_signed_distance`."""
    representation = MolField(
        N_FEATURES,
        3,
        GaussianRBF(20, CUTOFF),
        CosineCutoff(CUTOFF),
        field_cutoff_fn=SmoothCutoff(FIELD_CUTOFF),
    )
    return NeuralNetworkPotential(
        representation, [PairwiseDistances()], [SignedDistance(N_FEATURES)]
    )


def train(model: NeuralNetworkPotential, data: Sample, epochs: int, batch_size: int) -> float:
    """One-cycle AdamW on errors near the surface; returns seconds."""
    n_batches = len(data.points) // batch_size
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=epochs * n_batches)
    loss_fn, start = SurfaceLoss(width=1.0), time.perf_counter()
    for _ in track(range(epochs), description="training"):
        for chosen in torch.randperm(len(data.points)).chunk(n_batches):
            optimizer.zero_grad()
            predicted = model(data.batch(chosen))["sdf"].squeeze(1)
            loss_fn(predicted, data.target[chosen].flatten()).backward()
            optimizer.step()
            schedule.step()
    return time.perf_counter() - start


def predict(model: NeuralNetworkPotential, data: Sample) -> Tensor:
    """Distances (n_molecules, n_points)."""
    with torch.no_grad():
        parts = [model(data.batch(m))["sdf"] for m in torch.arange(len(data.points)).split(8)]
    return torch.cat(parts).view(data.target.shape)


def overlap(predicted: Tensor, target: Tensor) -> Tensor:
    """Intersection over union (n_molecules,) of the insides, from uniform points."""
    a, b = predicted < 0, target < 0
    return (a & b).sum(dim=1) / (a | b).sum(dim=1)


def mesh_scores(model: NeuralNetworkPotential, molecules: Molecules, surface: str) -> list[float]:
    """Chamfer distance in Angstrom and normal consistency, means over four molecules."""
    exact, scores = molecular_surface(surface), []
    for m in range(min(4, len(molecules.n_atoms))):
        z, r = single(molecules, m)
        atoms = Atoms(z.numpy(), r.numpy())
        fields = MolecularField.from_model(model, atoms), exact.of(atoms)
        scores.append(
            mesh_distance(*(field.isosurface(spacing=0.2, margin=2.5) for field in fields))
        )
    return np.mean(scores, axis=0).tolist()[:2]


def scores(model: NeuralNetworkPotential, uniform: Sample, near: Sample) -> list[float]:
    """Mean and least IoU, mean error near the surface and on it."""
    model.eval()
    volumes = overlap(predict(model, uniform), uniform.target)
    errors = (predict(model, near) - near.target).abs()
    return [
        float(volumes.mean()),
        float(volumes.min()),
        float(errors[near.target.abs() < 1.0].mean()),
        float(errors[near.target.abs() < 0.1].mean()),
    ]


def main(
    data: Annotated[Path, typer.Option(help="alanine_dipeptide_md.npz or drugbank_geoms.npz")],
    surface: Annotated[str, typer.Option(help="exact (van der Waals) or ses")] = "exact",
    n_train: int = 400,
    n_test: int = 400,
    epochs: int = 12,
    batch_size: int = 8,
    seed: int = 0,
) -> None:
    """Train, then print the scores on the other half before and after training."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    known, unknown = halves(data, n_train, n_test)
    training = draw(known, surface, n_near=160, n_box=64, width=0.3)
    # the volume needs the sign only, which the van der Waals distance has, too
    sign = "vdw" if surface == "exact" else surface
    uniform = draw(unknown, sign, n_near=0, n_box=4096 if surface == "exact" else 512, width=0.0)
    near = draw(unknown, surface, n_near=128, n_box=0, width=0.3)
    model = build()
    columns = ["IoU", "worst IoU", "error < 1 A", "error < 0.1 A", "Chamfer", "normals"]
    rows = Table("", *columns, title=f"{data.name}, {surface}, {len(unknown.n_atoms)} asked")
    rows.add_row("start", *(f"{x:.4f}" for x in scores(model, uniform, near)))
    seconds = train(model.train(), training, epochs, batch_size)
    found = scores(model, uniform, near) + mesh_scores(model, unknown, sign)
    rows.add_row("trained", *(f"{x:.4f}" for x in found))
    Console(width=120).print(rows)
    print(f"{len(known.n_atoms)} trained on, {epochs} epochs, {seconds:.0f} s, seed {seed}")


if __name__ == "__main__":
    typer.run(main)
