"""The models of an NMR ensemble as members of one family of surfaces, without atoms when asked.

    python -m benchmarks.surfaces_of_models --data pdb_1lcd_models.npz
    python -m benchmarks.surfaces_of_models --data pdb_2beg_models.npz --members 3

One `LatentAtlas` with a chart per atom, which starts there, and one latent per model, fit to van
der Waals distances. The models of an ensemble have no order, so none lies between others:
what is held out are points, those of a 128^3 grid on which the overlap is measured.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from ase import Atoms
from rich.progress import track
from schnetpack.model import NeuralNetworkPotential
from torch import Tensor, nn

from benchmarks.surface_functions import Sample, train
from benchmarks.surface_scores import grid_128
from schnetpack_molfield.atomistic import LearnedDistance
from schnetpack_molfield.fields import molecular_surface
from schnetpack_molfield.representation.latent_atlas import LatentAtlas, LatentTable
from schnetpack_molfield.transform.sampling import in_box, near_surface


class Ensemble(nn.Module):
    """Charts that every model of the ensemble moves to places of its own."""

    def __init__(self, positions: Tensor) -> None:
        """Place the charts at positions (n_members, n_charts, 3)."""
        super().__init__()
        n_members, origins = len(positions), positions.mean(dim=0)
        atlas = LatentAtlas(
            origins, 16, n_members, moves=positions - origins, cutoff=2.5, pairs_per_block=2**24
        )
        head = LearnedDistance(16, radius=1.6)
        table = LatentTable(torch.eye(n_members))
        self.model = NeuralNetworkPotential(atlas, [table], [head])

    def forward(self, points: Tensor, members: Tensor) -> Tensor:
        """Distances (n_members, n) at points (n_members, n, 3)."""
        asked = torch.full((len(members),), points.shape[1])
        inputs = {"field_member": members, "field_points": points.flatten(0, 1)}
        return self.model(inputs | {"field_n_points": asked})["sdf"].view(points.shape[:2])


def draw(numbers: Tensor, positions: Tensor, n: int) -> Sample:
    """Distances at n points per model, half of them near the surface."""
    surface, points, target = molecular_surface("vdw"), [], []
    for model in track(positions, description="distances"):
        near = near_surface(surface, numbers, model, n // 2, 0.5)
        points.append(torch.cat([near, in_box(model, n // 2, 1.0)]))
        target.append(surface(points[-1], numbers, model).squeeze(1))
    return Sample(torch.arange(len(positions)), torch.stack(points), torch.stack(target))


def main(
    data: Annotated[Path, typer.Option(help="pdb_1lcd_models.npz or pdb_2beg_models.npz")],
    members: Annotated[int, typer.Option(help="The first ones are taken.")] = 10,
    seconds: Annotated[float, typer.Option(help="CPU time of training.")] = 60.0,
    n_points: Annotated[int, typer.Option(help="Per model, drawn once.")] = 60_000,
    seed: int = 0,
) -> None:
    """Fit the ensemble, then print the overlap of every model."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    with np.load(data) as archive:
        numbers, positions = torch.tensor(archive["Z"]).long(), archive["R"][:members]
    sample = draw(numbers, torch.tensor(positions), n_points)
    model = Ensemble(torch.tensor(positions))
    steps = train(model, sample, seconds, rate=1e-2, n_points=4096)
    print(f"{len(positions)} models of {len(numbers)} atoms, {steps} steps, seed {seed}")
    for k, frame in enumerate(positions):

        def distance(points: Tensor, k: int = k) -> Tensor:
            return model(points.unsqueeze(0), torch.tensor([k])).view(-1, 1)

        overlap = grid_128(Atoms(numbers, frame), n_points=40_000).overlap(distance)
        print(f"model {k}: IoU {overlap:.4f}")


if __name__ == "__main__":
    typer.run(main)
