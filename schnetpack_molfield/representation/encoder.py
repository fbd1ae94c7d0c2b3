"""The encoder: first equivariant features of every atom from the atoms around it."""

import schnetpack.properties as properties
import torch
from schnetpack.utils import required_fields_from_properties
from torch import Tensor, nn

from schnetpack_molfield.nn.dense import EquivariantDense
from schnetpack_molfield.nn.sphere import SoftHarmonics
from schnetpack_molfield.representation.atlas import Layout, gather_field
from schnetpack_molfield.representation.interaction import AtomUpdate

__all__ = ["AtomEncoder", "ExternalFields"]


class AtomEncoder(nn.Module):
    r"""Density of elements around an atom, and on-site products of it.

    .. math:: A_{i,lm,k} = \sum_j w(d_{ij})\, Y_{lm}(r_{ij})\, g_k(d_{ij})\, e_k(Z_j)

    Args:
        n_channels: number of channels.
        n_hidden: number of radial functions g_k.
        max_z: largest atomic number.
    """

    def __init__(self, n_channels: int, n_hidden: int, max_z: int) -> None:
        super().__init__()
        self.elements = nn.Embedding(max_z + 1, n_hidden)
        self.mixing = EquivariantDense(n_hidden, n_channels)
        self.update = AtomUpdate(n_channels)

    def forward(
        self,
        q: Tensor,  # (n_atoms, n_channels)
        x: Tensor,  # (n_atoms, 8, n_channels)
        atomic_numbers: Tensor,  # (n_atoms,)
        radial: Tensor,  # (n_atoms, n_points, n_hidden)
        layout: Layout,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return updated q and x, and the density of scalars (n_atoms, n_hidden)."""
        values = radial * self.elements(atomic_numbers).unsqueeze(1)
        density = gather_field(values, layout)  # (n_atoms, 9, n_hidden)
        message = self.mixing(density) + nn.functional.pad(x, [0, 0, 1, 0])
        q, x = self.update(q, x, message)
        return q, x, density.select(1, 0)


class ExternalFields(nn.Module):
    r"""First vectors and tensors of the atoms in external fields, for SchNetPack's `Response`.

    An electric field E is a polar vector and enters as one, :math:`E\, w(Z_i)`. A magnetic field B
    and the nuclear magnetic moments m_i are axial: they enter through the even products of degree
    2 of :math:`B\, w(Z_i) + m_i\, v(Z_i)`, so that the energy keeps its parity.

    Args:
        response_properties: as in SchNetPack's `FieldSchNet`; decides which fields are read.
        n_channels: number of channels.
        max_z: largest atomic number.
    """

    def __init__(self, response_properties: list[str], n_channels: int, max_z: int) -> None:
        super().__init__()
        fields = required_fields_from_properties(list(response_properties))
        electric = properties.electric_field in fields
        magnetic = properties.magnetic_field in fields
        self.n_channels = n_channels
        self.polarity = nn.Embedding(max_z + 1, n_channels) if electric else None
        self.magnetism = nn.Embedding(max_z + 1, n_channels) if magnetic else None
        self.moment = nn.Embedding(max_z + 1, n_channels) if magnetic else None
        self.harmonics = SoftHarmonics().harmonics

    def forward(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return what the fields add to q (n_atoms, n_channels) and x (n_atoms, 8, n_channels)."""
        z, idx_m = inputs[properties.Z], inputs[properties.idx_m]
        zeros = inputs[properties.R].new_zeros(z.shape[0], 9, self.n_channels)
        scalars, vectors, tensors = zeros.split([1, 3, 5], dim=1)
        if self.polarity is not None:
            field = inputs[properties.electric_field][idx_m]  # (n_atoms, 3)
            vectors = field.unsqueeze(2) * self.polarity(z).unsqueeze(1)
        if self.magnetism is not None and self.moment is not None:
            field = inputs[properties.magnetic_field][idx_m]  # (n_atoms, 3)
            moments = inputs[properties.nuclear_magnetic_moments]  # (n_atoms, 3)
            axial = field.unsqueeze(1) * self.magnetism(z).unsqueeze(2)
            axial = axial + moments.unsqueeze(1) * self.moment(z).unsqueeze(2)
            scalars = axial.square().sum(dim=2).unsqueeze(1)  # (n_atoms, 1, n_channels)
            tensors = self.harmonics(axial).split([1, 3, 5], dim=2)[2].transpose(1, 2)
        return scalars.squeeze(1), torch.cat([vectors, tensors], dim=1)
