"""The electronic spatial extent, a target of QM9 that SchNetPack 2 has no read-out for."""

import torch
from ase.data import atomic_masses
from schnetpack import properties
from schnetpack.nn import build_mlp, scatter_add
from torch import nn

from schnetpack_molfield import properties as keys

__all__ = ["ElectronicSpatialExtent"]


class ElectronicSpatialExtent(nn.Module):
    r"""Predicts the electronic spatial extent from latent electron populations of the atoms.

    .. math:: \langle R^2 \rangle = \sum_i q_i(x_i) \, |r_i - r_0|^2

    with the centre of mass :math:`r_0` (Schuett, Unke & Gastegger, ICML 2021, section 5.1). It is
    in the unit of the label; the populations take up its ratio to the squared unit of length.

    Args:
        n_in: width of the scalar representation.
        n_hidden: width of the hidden layers; None halves it from layer to layer.
        n_layers: number of layers.
        output_key: key of the prediction, shape (n_molecules,).
    """

    masses: torch.Tensor

    def __init__(
        self,
        n_in: int,
        n_hidden: int | None = None,
        n_layers: int = 2,
        output_key: str = "electronic_spatial_extent",
    ) -> None:
        super().__init__()
        self.output_key = output_key
        self.model_outputs = [output_key]
        self.outnet = build_mlp(n_in=n_in, n_out=1, n_hidden=n_hidden, n_layers=n_layers)
        self.register_buffer("masses", torch.tensor(atomic_masses), persistent=False)  # (119,)

    def forward(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Add the prediction to the inputs."""
        population = self.outnet(inputs[keys.scalar_representation]).squeeze(-1)  # (n_atoms,)
        positions = inputs[properties.R]  # (n_atoms, 3)
        idx_m = inputs[properties.idx_m]  # (n_atoms,)
        n_molecules = int(idx_m[-1]) + 1
        mass = self.masses[inputs[properties.Z]].to(positions.dtype).unsqueeze(-1)  # (n_atoms, 1)
        total = scatter_add(mass, idx_m, dim_size=n_molecules)  # (n_molecules, 1)
        centre = scatter_add(mass * positions, idx_m, dim_size=n_molecules) / total
        squared = (positions - centre[idx_m]).square().sum(-1)  # (n_atoms,)
        inputs[self.output_key] = scatter_add(population * squared, idx_m, dim_size=n_molecules)
        return inputs
