"""Peak memory of one training step with forces, `python -m benchmarks.memory 1000 --width 64`.

A periodic gas of random atoms at the density of water (0.1 atoms per cubic Angstrom), cutoff
5 Angstrom. Peak resident memory of the process, and what of it was there before the step.
"""

from __future__ import annotations

import resource

import torch
import typer
from schnetpack import properties
from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.representation import PaiNN
from schnetpack.transform import MatScipyNeighborList
from torch import Tensor

from schnetpack_molfield.representation import MolField

CUTOFF, DENSITY = 5.0, 0.1


def random_gas(n_atoms: int) -> dict[str, Tensor]:
    """SchNetPack's input dictionary of a cubic box of atoms that keep a distance."""
    edge = (n_atoms / DENSITY) ** (1 / 3)
    n_cells = int(torch.ceil(torch.tensor(n_atoms) ** (1 / 3)))
    cells = torch.cartesian_prod(*[torch.arange(n_cells)] * 3)[torch.randperm(n_cells**3)[:n_atoms]]
    inputs = {
        properties.Z: torch.randint(1, 9, (n_atoms,)),
        properties.R: (cells + 0.15 * torch.rand(n_atoms, 3)).double() * edge / n_cells,
        properties.cell: edge * torch.eye(3, dtype=torch.float64)[None],
        properties.pbc: torch.ones(1, 3, dtype=torch.bool),
        properties.n_atoms: torch.tensor([n_atoms]),
    }
    inputs = MatScipyNeighborList(CUTOFF)(inputs)
    inputs[properties.idx_m] = torch.zeros(n_atoms, dtype=torch.long)
    return {k: v.float() if v.is_floating_point() else v for k, v in inputs.items()}


def peak_memory() -> float:
    """Peak resident memory of this process in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main(n_atoms: int = 1000, width: int = 64, painn: bool = False) -> None:
    """Train one step."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    inputs = random_gas(n_atoms)
    cls = PaiNN if painn else MolField
    representation = cls(width, 3, GaussianRBF(20, CUTOFF), CosineCutoff(CUTOFF))
    model = NeuralNetworkPotential(
        representation, [PairwiseDistances()], [Atomwise(width, output_key="energy"), Forces()]
    )
    before, n_pairs = peak_memory(), len(inputs[properties.idx_i])
    result = model(inputs)
    (result["energy"].square().sum() + result["forces"].square().sum()).backward()
    print(
        f"{cls.__name__}, width {width}: {n_atoms} atoms, {n_pairs} pairs: "
        f"peak {peak_memory():.2f} GB, {before:.2f} GB of it before the step"
    )


if __name__ == "__main__":
    typer.run(main)
