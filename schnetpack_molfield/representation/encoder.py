"""The encoder: first equivariant features of every atom from the atoms around it."""

import schnetpack.properties as properties
import torch
from schnetpack.utils import required_fields_from_properties
from torch import Tensor, nn

from schnetpack_molfield.nn.dense import EquivariantDense
from schnetpack_molfield.nn.irreps import DEGREE, n_rows
from schnetpack_molfield.nn.sphere import SolidHarmonics
from schnetpack_molfield.representation.atlas import Layout, gather_field
from schnetpack_molfield.representation.interaction import AtomUpdate, directed

__all__ = ["AtomEncoder", "ExternalFields"]


class AtomEncoder(nn.Module):
    r"""Density of elements around an atom, and on-site products of it.

    .. math:: A_{i,lm,k} = \sum_j w(d_{ij})\, Y_{lm}(r_{ij})\, g_k(d_{ij})\, e_k(Z_j)

    Args:
        n_channels: number of channels.
        n_hidden: number of radial functions g_k.
        max_z: largest atomic number.
        n_neighbors: typical number of neighbours, by which sums are divided.
        degree: largest degree of the features.
    """

    def __init__(
        self,
        n_channels: int,
        n_hidden: int,
        max_z: int,
        n_neighbors: float,
        degree: int = DEGREE,
    ) -> None:
        super().__init__()
        self.elements = nn.Embedding(max_z + 1, n_hidden)
        self.mixing = EquivariantDense(n_hidden, n_channels, degree, factor=1 / n_neighbors)
        self.update = AtomUpdate(n_channels, degree)

    def forward(
        self,
        x: Tensor,  # (n_atoms, n_rows, n_channels)
        atomic_numbers: Tensor,  # (n_atoms,)
        radial: Tensor,  # (n_atoms, n_points, n_hidden)
        layout: Layout,
    ) -> Tensor:
        """Return the updated features (n_atoms, n_rows, n_channels)."""
        values = radial * self.elements(atomic_numbers).unsqueeze(1)
        message = self.mixing(gather_field(values, layout)) + directed(x)
        return self.update(x, message)


class ExternalFields(nn.Module):
    r"""First vectors and tensors of the atoms in external fields, for SchNetPack's `Response`.

    An electric field E is a polar vector and enters as one, :math:`E\, w(Z_i)`. A magnetic field B
    and the nuclear magnetic moments m_i are axial: they enter through the even products of degree
    2 of :math:`B\, w(Z_i) + m_i\, v(Z_i)`, so that the energy keeps its parity.

    Args:
        response_properties: as in SchNetPack's `FieldSchNet`; decides which fields are read.
        n_channels: number of channels.
        max_z: largest atomic number.
        degree: largest degree of the features.
    """

    def __init__(
        self,
        response_properties: list[str],
        n_channels: int,
        max_z: int,
        degree: int = DEGREE,
    ) -> None:
        super().__init__()
        fields = required_fields_from_properties(list(response_properties))
        electric = properties.electric_field in fields
        magnetic = properties.magnetic_field in fields
        self.n_channels = n_channels
        self.n_rows = n_rows(degree)
        self.polarity = nn.Embedding(max_z + 1, n_channels) if electric else None
        self.magnetism = nn.Embedding(max_z + 1, n_channels) if magnetic else None
        self.moment = nn.Embedding(max_z + 1, n_channels) if magnetic else None
        self.harmonics = SolidHarmonics(degree)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """Return what the fields add to the features, (n_atoms, n_rows, n_channels)."""
        z, idx_m = inputs[properties.Z], inputs[properties.idx_m]
        features = inputs[properties.R].new_zeros(z.shape[0], self.n_rows, self.n_channels)
        if self.polarity is not None:
            field = inputs[properties.electric_field][idx_m]  # (n_atoms, 3)
            vectors = field.unsqueeze(2) * self.polarity(z).unsqueeze(1)
            features = features + nn.functional.pad(vectors, [0, 0, 1, self.n_rows - 4])
        if self.magnetism is not None and self.moment is not None:
            field = inputs[properties.magnetic_field][idx_m]  # (n_atoms, 3)
            moments = inputs[properties.nuclear_magnetic_moments]  # (n_atoms, 3)
            axial = field.unsqueeze(1) * self.magnetism(z).unsqueeze(2)
            axial = axial + moments.unsqueeze(1) * self.moment(z).unsqueeze(2)
            scalars = axial.square().sum(dim=2).unsqueeze(1)  # (n_atoms, 1, n_channels)
            tensors = self.harmonics(axial).narrow(2, 4, 5).transpose(1, 2)
            even = nn.functional.pad(tensors, [0, 0, 3, self.n_rows - 9])
            features = features + torch.cat([scalars, even], dim=1)
        return features
