"""One round of MolField: read the field at the atoms, update the atoms with it."""

import torch
from torch import Tensor, nn

from schnetpack_molfield.nn.dense import EquivariantDense, EquivariantNorm, ScaledDense
from schnetpack_molfield.nn.sphere import SphereProduct
from schnetpack_molfield.representation.angles import ChartAngles
from schnetpack_molfield.representation.atlas import Layout, gather_field
from schnetpack_molfield.representation.inr import CanonicalINR

__all__ = ["AtomUpdate", "FeatureNorm", "FieldInteraction"]


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

    def forward(self, q: Tensor, x: Tensor) -> Tensor:
        """Map scalars (n, n_channels) and the rest (n, 8, n_channels) to (n, 9, n_channels)."""
        return torch.cat([self.scalar_norm(q).unsqueeze(1), self.norm(x)], dim=1)


class AtomUpdate(nn.Module):
    """Updates an atom's features with what it has read from the field, and with products of it.

    Args:
        n_channels: number of channels.
    """

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.product = SphereProduct(n_channels, 3 * n_channels // 4)
        self.gates = nn.Sequential(
            ScaledDense(2 * n_channels, n_channels),
            nn.SiLU(),
            ScaledDense(n_channels, 3 * n_channels, gain=0.5),
        )
        self.n_channels = n_channels

    def forward(self, q: Tensor, x: Tensor, message: Tensor) -> tuple[Tensor, Tensor]:
        """Update the features.

        Args:
            q: scalars, shape (n_atoms, n_channels).
            x: vectors and tensors, shape (n_atoms, 8, n_channels).
            message: what was read, shape (n_atoms, 9, n_channels).

        Returns:
            q and x, updated.
        """
        message = message + self.product(message)
        scalars, vectors, tensors = message.split([1, 3, 5], dim=1)
        gates = self.gates(torch.cat([q, scalars.squeeze(1)], dim=-1))
        dq, gate_1, gate_2 = gates.split(self.n_channels, dim=-1)  # (n_atoms, n_channels) each
        dx = torch.cat([vectors * gate_1.unsqueeze(1), tensors * gate_2.unsqueeze(1)], dim=1)
        return q + dq, x + dx


class FieldInteraction(nn.Module):
    """Evaluates the field of all charts at the atoms and updates the atoms with it.

    Args:
        n_channels: number of channels of atoms and charts.
        n_hidden: width of the INR.
        frame: see `frames.FRAMES`.
        hypernetwork: see `hypernetwork.HYPERNETWORKS`.
        n_angles: learned angles that enter the INR beside its coordinates; see `ChartAngles`.
    """

    def __init__(
        self, n_channels: int, n_hidden: int, frame: str, hypernetwork: str, n_angles: int = 0
    ) -> None:
        super().__init__()
        self.norm = FeatureNorm(n_channels)
        self.inr = CanonicalINR(n_channels, n_hidden, frame, hypernetwork)
        self.mixing = EquivariantDense(n_hidden, n_channels)
        self.update = AtomUpdate(n_channels)
        self.angles = ChartAngles(n_channels, n_hidden, n_angles) if n_angles else None

    def forward(
        self,
        q: Tensor,  # (n_atoms, n_channels)
        x: Tensor,  # (n_atoms, 8, n_channels)
        features: Tensor,  # (n_atoms, 9, n_channels), `norm` of q and x
        charts: Tensor,  # (n_charts, 9, n_channels)
        radial: Tensor,  # (n_charts, n_points, n_hidden)
        layout: Layout,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return updated q and x, and the weight tokens (n_charts, n_tokens, group)."""
        if self.angles is not None:
            radial = radial + self.angles(charts, layout.harmonics)
        values, tokens = self.inr(charts, radial, layout.harmonics)
        message = self.mixing(gather_field(values, layout))  # (n_atoms, 9, n_channels)
        directed = features.split([1, 8], dim=1)[1]  # (n_atoms, 8, n_channels)
        message = message + nn.functional.pad(directed, [0, 0, 1, 0])
        q, x = self.update(q, x, message)
        return q, x, tokens
