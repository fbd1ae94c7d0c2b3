"""How much of the inside of a molecular surface is right, on a grid of 128^3 points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from ase import Atoms
from torch import Tensor

from schnetpack_molfield.analysis.mesh_distance import mesh_distance
from schnetpack_molfield.fields import MolecularField, molecular_surface

N_CELLS, PER_CELL = 32, 4  # along each axis
#: Signed distance (n, 1) at points (n, 3) in Angstrom.
Distance = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Grid128:
    """Points of the grid where the surface is near, and centres of the other cells of 4^3 points.

    Attributes:
        points: (n, 3) in Angstrom, first those near the surface.
        weights: (n,) how many points of the grid each stands for.
        inside: (n,) whether it is inside the true surface.
    """

    points: Tensor
    weights: Tensor
    inside: Tensor

    def overlap(self, predicted: Distance) -> float:
        """Intersection over union of the insides."""
        with torch.no_grad():
            parts = [predicted(x).squeeze(1) < 0 for x in self.points.split(8192)]
        inside = torch.cat(parts)
        both = self.weights[inside & self.inside].sum()
        return float(both / self.weights[inside | self.inside].sum())


def grid_128(atoms: Atoms, n_points: int, margin: float = 2.2, band: float = 0.1) -> Grid128:
    """A grid over the box around a molecule, thinned at random to about `n_points`.

    Args:
        atoms: the molecule; its van der Waals surface is the true one.
        n_points: points near the surface, and a third as many centres of far cells.
        margin: distance of the box from the atoms in Angstrom.
        band: cells within it of the surface are resolved, in Angstrom.
    """
    numbers = torch.as_tensor(atoms.numbers)
    positions = torch.as_tensor(atoms.positions, dtype=torch.float32)
    surface = molecular_surface("vdw")
    lower, upper = positions.amin(dim=0) - margin, positions.amax(dim=0) + margin
    edge = (upper - lower) / N_CELLS  # (3,) of a cell
    corners = lower + edge * _lattice(N_CELLS)  # (n_cells, 3)
    distance = surface(corners + edge / 2, numbers, positions).squeeze(1)
    near = distance.abs() < edge.norm() / 2 + band
    fine = edge / PER_CELL * (_lattice(PER_CELL) + 0.5)  # (64, 3)
    close = (corners[near].unsqueeze(1) + fine).flatten(0, 1)
    parts = [_thin(close, n_points, 1), _thin(corners[~near] + edge / 2, n_points // 3, len(fine))]
    points, weights = (torch.cat(x) for x in zip(*parts, strict=True))
    return Grid128(points, weights, surface(points, numbers, positions).squeeze(1) < 0)


def _lattice(n: int) -> Tensor:
    """(n^3, 3) from 0 to n - 1."""
    return torch.cartesian_prod(*[torch.arange(n)] * 3).float()


def _thin(points: Tensor, n: int, weight: float) -> tuple[Tensor, Tensor]:
    """At most n of the points, and what each then stands for."""
    chosen = torch.randperm(len(points), generator=torch.Generator().manual_seed(0))[:n]
    return points[chosen], torch.full((len(chosen),), weight * len(points) / len(chosen))


def mesh_scores(predicted: Distance, atoms: Atoms) -> tuple[float, float]:
    """DSR's Chamfer distance in square Angstrom, and the normal consistency."""
    meshes = [
        field.isosurface(spacing=0.15, margin=2.5)
        for field in (
            MolecularField(predicted, atoms, ["sdf"], dtype=torch.float32, block_size=8192),
            molecular_surface("vdw").of(atoms),
        )
    ]
    distance = mesh_distance(*meshes, n=100_000)
    return distance.squared, distance.normal_consistency
