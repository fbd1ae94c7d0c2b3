"""The molecule atlas: one chart per molecule, at its centroid."""

import schnetpack.properties as properties
from schnetpack.nn import scatter_add
from torch import Tensor, nn

from schnetpack_molfield.nn.dense import EquivariantDense, ScaledDense
from schnetpack_molfield.nn.irreps import DEGREE
from schnetpack_molfield.nn.sphere import SoftHarmonics
from schnetpack_molfield.representation.interaction import FeatureNorm

__all__ = ["MoleculeCharts"]


class MoleculeCharts(nn.Module):
    r"""One chart per molecule at its centroid, made of the molecule's atoms.

    The chart's features are the mean of the atoms' features and the multipoles of their scalars,

    .. math:: \frac{1}{N} \sum_i Y_{lm}(r_i - o) \otimes (q_i W)

    Where symmetry makes all of them vanish, the canonical coordinates do too.

    Args:
        n_channels: number of channels of the atoms' features.
        degree: largest degree of the features.
    """

    def __init__(self, n_channels: int, degree: int = DEGREE) -> None:
        super().__init__()
        self.soft_harmonics = SoftHarmonics(epsilon=1.0, degree=degree)
        self.mean = EquivariantDense(n_channels, n_channels, degree)
        self.charges = ScaledDense(n_channels, n_channels)
        self.multipoles = EquivariantDense(n_channels, n_channels, degree)
        self.norm = FeatureNorm(n_channels, epsilon=0.1)

    def forward(self, features: Tensor, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Make the charts of the atoms' features (n_atoms, n_rows, n_channels).

        Returns:
            features of the charts (n_molecules, n_rows, n_channels) and their origins
            (n_molecules, 3) in Angstrom.

        Raises:
            ValueError: for periodic structures, which have no centroid.
        """
        if properties.pbc in inputs and bool(inputs[properties.pbc].any()):
            raise ValueError(
                'charts="molecule" can\'t describe a periodic structure; use charts="atom"'
            )
        positions, idx_m = inputs[properties.R], inputs[properties.idx_m]
        n_atoms = inputs[properties.n_atoms].unsqueeze(1)  # (n_molecules, 1)
        n_molecules = n_atoms.shape[0]
        origins = scatter_add(positions, idx_m, dim_size=n_molecules) / n_atoms
        harmonics = self.soft_harmonics(positions - origins[idx_m])[1]  # (n_atoms, n_rows)
        charges = self.charges(features.select(1, 0))  # (n_atoms, n_channels)
        moments = harmonics.unsqueeze(2) * charges.unsqueeze(1)
        members = self.mean(features) + self.multipoles(moments)  # (n_atoms, n_rows, n_channels)
        pooled = scatter_add(members, idx_m, dim_size=n_molecules) / n_atoms.unsqueeze(2)
        return self.norm(pooled), origins
