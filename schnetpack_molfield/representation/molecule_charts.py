"""The molecule atlas: one chart per molecule, at its centroid."""

import schnetpack.properties as properties
import torch
from schnetpack.nn import scatter_add
from torch import Tensor, nn

from schnetpack_molfield.nn.dense import EquivariantDense, ScaledDense
from schnetpack_molfield.nn.sphere import SoftHarmonics
from schnetpack_molfield.representation.atlas import Layout, lay_out
from schnetpack_molfield.representation.interaction import FeatureNorm

__all__ = ["MoleculeCharts"]

#: Window of a molecule's only chart, the same everywhere. With 1 the atoms read so much more than
#: from atom charts that the products of their update start near 100 times PaiNN's vectors.
WINDOW = 1 / 8


class MoleculeCharts(nn.Module):
    r"""One chart per molecule at its centroid, asked at the molecule's atoms.

    The chart's features are the mean of the atoms' features and the multipoles of their scalars,

    .. math:: \frac{1}{N} \sum_i Y_{lm}(r_i - o) \otimes (q_i W)

    Where symmetry makes all of them vanish, the canonical coordinates do too. What still tells
    points apart there is the density of elements around the point, which enters next to them.
    Distances from the centroid have no end, so they are compressed for the radial basis to
    :math:`d\, r_c / (d + r_c)`.

    Args:
        n_channels: number of channels of the atoms' features.
        n_hidden: width of the INR and of the density.
        n_rbf: size of the radial basis.
        cutoff: length scale r_c of the compression in Angstrom.
    """

    def __init__(self, n_channels: int, n_hidden: int, n_rbf: int, cutoff: float) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.window = WINDOW
        self.soft_harmonics = SoftHarmonics(epsilon=1.0)
        self.radial_functions = ScaledDense(n_rbf, n_hidden)
        self.density_functions = ScaledDense(n_hidden, n_hidden, bias=False)
        self.mean = EquivariantDense(n_channels, n_channels)
        self.charges = ScaledDense(n_channels, n_channels)
        self.multipoles = EquivariantDense(n_channels, n_channels)
        self.norm = FeatureNorm(n_channels, epsilon=0.1)

    def forward(self, inputs: dict[str, Tensor]) -> tuple[Layout, Tensor, Tensor]:
        """Lay out the atoms around their centroids.

        Returns:
            layout, compressed distances (n_atoms + 1,) and centroids (n_molecules, 3).

        Raises:
            ValueError: for periodic structures, which have no centroid.
        """
        if properties.pbc in inputs and bool(inputs[properties.pbc].any()):
            raise ValueError(
                'charts="molecule" can\'t describe a periodic structure; use charts="atom"'
            )
        positions, idx_m = inputs[properties.R], inputs[properties.idx_m]
        n_atoms = inputs[properties.n_atoms]  # (n_molecules,)
        n_molecules = n_atoms.shape[0]
        origins = scatter_add(positions, idx_m, dim_size=n_molecules) / n_atoms.unsqueeze(1)
        vectors = nn.functional.pad(positions - origins[idx_m], [0, 0, 0, 1])  # (n_atoms + 1, 3)
        distances, harmonics = self.soft_harmonics(vectors)
        atoms = torch.arange(idx_m.shape[0], device=idx_m.device)
        window = torch.full_like(positions[:, 0], self.window)  # (n_atoms,)
        window = nn.functional.pad(window, [0, 1])  # (n_atoms + 1,)
        layout = lay_out(idx_m, atoms, harmonics, window, n_molecules, idx_m.shape[0])
        return layout, distances * self.cutoff / (distances + self.cutoff), origins

    def radial(self, basis: Tensor, density: Tensor, layout: Layout) -> Tensor:
        """What the INR's first layer gets beside the coordinates, (n_molecules, n_points, h).

        Args:
            basis: radial basis of the distances, shape (n_atoms + 1, n_rbf).
            density: density of elements around each atom, shape (n_atoms, n_hidden).
            layout: of the atoms around the centroids.
        """
        local = nn.functional.pad(self.density_functions(density), [0, 0, 0, 1])
        functions = self.radial_functions(basis) + local  # (n_atoms + 1, n_hidden)
        return functions[layout.points]

    def pool(self, features: Tensor, layout: Layout) -> Tensor:
        """Map the atoms' features to those of the charts, (n_molecules, 9, n_channels)."""
        real = (layout.points < features.shape[0]).to(features.dtype)  # (n_molecules, n_points)
        weights = (real / real.sum(dim=1, keepdim=True)).unsqueeze(1)  # (n_molecules, 1, n_points)
        members = nn.functional.pad(features, [0, 0, 0, 0, 0, 1])[layout.points]
        mean = (weights @ members.flatten(2)).view(-1, 9, features.shape[2])
        charges = self.charges(members.select(2, 0))  # (n_molecules, n_points, n_channels)
        moments = (layout.harmonics.transpose(1, 2) * weights) @ charges
        pooled = self.mean(mean) + self.multipoles(moments)  # (n_molecules, 9, n_channels)
        scalars, others = pooled.split([1, 8], dim=1)
        return self.norm(scalars.squeeze(1), others)
