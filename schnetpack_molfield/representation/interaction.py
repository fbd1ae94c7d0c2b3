"""One round of MolField: read the charts' functions at the atoms, update the atoms with it."""

import torch
from torch import Tensor, nn

from schnetpack_molfield.nn.dense import EquivariantDense, EquivariantNorm, ScaledDense, saturate
from schnetpack_molfield.nn.irreps import DEGREE, degree_of_row
from schnetpack_molfield.nn.sphere import SphereProduct
from schnetpack_molfield.representation.angles import ChartAngles
from schnetpack_molfield.representation.atlas import Layout, gather_field
from schnetpack_molfield.representation.inr import CanonicalINR

__all__ = ["AtomUpdate", "FeatureNorm", "FieldInteraction", "directed"]


def directed(features: Tensor) -> Tensor:
    """The features (n, n_rows, n_channels) of degree l > 0, with zeros for scalars."""
    others = features.split([1, features.shape[1] - 1], dim=1)[1]
    return nn.functional.pad(others, [0, 0, 1, 0])


class FeatureNorm(nn.Module):
    """Normalises an atom's scalars (layer norm) and vectors and tensors (root mean square).

    Args:
        n_channels: number of channels.
        epsilon: of the `EquivariantNorm`.
    """

    def __init__(self, n_channels: int, epsilon: float = 1e-2) -> None:
        super().__init__()
        self.scalar_norm = nn.LayerNorm(n_channels)
        self.norm = EquivariantNorm(epsilon)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (n, n_rows, n_channels) to the same shape."""
        scalars, others = x.split([1, x.shape[1] - 1], dim=1)
        return torch.cat([self.scalar_norm(scalars), self.norm(others)], dim=1)


class AtomUpdate(nn.Module):
    """Updates an atom's features with what it has read, and with products of it.

    Messages, products and gates saturate at a root mean square of 1 (`saturate`), so an update of a
    channel is of order 1 and depends on geometry as smoothly with large weights as with small ones.

    Args:
        n_channels: number of channels.
        degree: largest degree of the features.
    """

    degree_of_row: Tensor

    def __init__(self, n_channels: int, degree: int = DEGREE) -> None:
        super().__init__()
        self.product = SphereProduct(n_channels, 3 * n_channels // 4, degree)
        self.gates = nn.Sequential(
            ScaledDense(2 * n_channels, n_channels),
            nn.SiLU(),
            ScaledDense(n_channels, (degree + 1) * n_channels, gain=0.5),
        )
        self.n_channels = n_channels
        self.register_buffer("degree_of_row", degree_of_row(degree), persistent=False)

    def forward(self, x: Tensor, message: Tensor) -> Tensor:
        """Return the updated features, (n_atoms, n_rows, n_channels).

        Args:
            x: features, shape (n_atoms, n_rows, n_channels).
            message: what was read, same shape.
        """
        message = saturate(message, [1, 2])
        message = saturate(message + self.product(message), [1, 2])
        scalars, others = message.split([1, message.shape[1] - 1], dim=1)
        gates = self.gates(torch.cat([x.select(1, 0), scalars.squeeze(1)], dim=-1))
        gates = gates.view(x.shape[0], -1, self.n_channels)  # (n_atoms, L + 1, n_channels)
        gates = saturate(gates, [2])
        gate = gates.index_select(1, self.degree_of_row)  # (n_atoms, n_rows, n_channels)
        factors = nn.functional.pad(others, [0, 0, 1, 0], value=1.0)  # scalars are the gate itself
        return torch.addcmul(x, gate, factors)


class FieldInteraction(nn.Module):
    """Evaluates the functions of all atoms' charts at their neighbours, and updates these with it.

    Args:
        n_channels: number of channels of atoms and charts.
        inr: the charts' network.
        n_neighbors: typical number of neighbours, by which sums are divided.
        degree: largest degree of the features.
        n_angles: learned angles that enter the INR beside its coordinates; see `ChartAngles`.
    """

    def __init__(
        self,
        n_channels: int,
        inr: CanonicalINR,
        n_neighbors: float,
        degree: int = DEGREE,
        n_angles: int = 0,
    ) -> None:
        super().__init__()
        self.norm = FeatureNorm(n_channels)
        self.inr = inr
        self.angles = ChartAngles(n_channels, inr.n_hidden, n_angles) if n_angles else None
        self.mixing = EquivariantDense(inr.n_hidden, n_channels, degree, factor=1 / n_neighbors)
        self.update = AtomUpdate(n_channels, degree)

    def forward(
        self,
        x: Tensor,  # (n_atoms, n_rows, n_channels)
        radial: Tensor,  # (n_atoms, n_points, n_hidden)
        layout: Layout,
    ) -> Tensor:
        """Return the updated features (n_atoms, n_rows, n_channels)."""
        features = self.norm(x)
        if self.angles is not None:
            radial = radial + self.angles(features, layout.harmonics)
        axes, scales, _ = self.inr.weights(features)
        values = self.inr.evaluate(axes, scales, radial, layout.harmonics)
        message = self.mixing(gather_field(values, layout)) + directed(features)
        return self.update(x, message)
