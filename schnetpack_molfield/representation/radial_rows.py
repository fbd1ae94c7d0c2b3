"""Radial functions at tiles of points, functions first, and densities of elements."""

from typing import cast

import schnetpack.properties as properties
import torch
from schnetpack.nn import GaussianRBF, scatter_add
from torch import Tensor, nn

from schnetpack_molfield.nn.dense import ScaledDense
from schnetpack_molfield.nn.protocols import CutoffFunction, RadialBasis
from schnetpack_molfield.nn.radial import LearnedRadialEncoding
from schnetpack_molfield.representation.near_points import close_pairs

__all__ = ["ElementDensity", "ElementRows", "radial_rows"]

#: Widths of a Gaussian beyond which it is constant, below 1e-19. Far tails are denormal numbers,
#: on which a CPU takes six times longer.
TAIL = 9.5


class _GaussianRows(nn.Module):
    """SchNetPack's `GaussianRBF` of distances (n, k), with the functions first: (n, n_rbf, k)."""

    def __init__(self, basis: GaussianRBF) -> None:
        super().__init__()
        self.basis = basis
        self.tail = TAIL

    def forward(self, distances: Tensor, elements: Tensor) -> Tensor:
        """Map distances (n, k) to functions (n, n_rbf, k)."""
        width = self.basis.widths[0]
        offsets = (self.basis.offsets / width).unsqueeze(1)  # (n_rbf, 1)
        steps = (distances / width).unsqueeze(-2) - offsets
        return torch.exp(steps.clamp(-self.tail, self.tail).square() * -0.5)


class ElementRows(nn.Module):
    """A `LearnedRadialEncoding` that knows the elements of the charts; a point has none, 0."""

    def __init__(self, basis: LearnedRadialEncoding) -> None:
        super().__init__()
        self.basis = basis

    def forward(self, distances: Tensor, elements: Tensor) -> Tensor:
        """Map distances (n, k) around charts of elements (n,) to functions (n, n_rbf, k)."""
        own = elements.unsqueeze(1).expand(-1, distances.shape[1]).reshape(-1)
        return self.basis(distances, torch.zeros_like(own), own).transpose(-1, -2)


class _OtherRows(nn.Module):
    """Any radial basis that only asks for distances."""

    def __init__(self, basis: nn.Module) -> None:
        super().__init__()
        self.basis = basis

    def forward(self, distances: Tensor, elements: Tensor) -> Tensor:
        """Map distances (n, k) to functions (n, n_rbf, k)."""
        return self.basis(distances).transpose(-1, -2)


def radial_rows(basis: RadialBasis) -> nn.Module:
    """A module with that basis which maps distances (n, k) and elements (n,) to (n, n_rbf, k)."""
    module = cast(nn.Module, basis)
    if type(module) is GaussianRBF and not isinstance(module.widths, nn.Parameter):  # all alike
        return _GaussianRows(module)
    if isinstance(module, LearnedRadialEncoding) and module.pair is not None:
        return ElementRows(module)
    return _OtherRows(module)


class ElementDensity(nn.Module):
    r"""Density of elements at any points, what a molecule chart learns its corrections to.

    .. math:: A_k(x) = \sum_i w(d_i)\, g_k(d_i)\, e_k(Z_i), \quad d_i^2 = |x - r_i|^2 + \epsilon^2

    It has all the symmetry of the molecule, also where that leaves no direction to a chart.

    Args:
        n_out: number of densities.
        radial_basis: SchNetPack's radial basis, of which the g are made.
        cutoff_fn: SchNetPack's cutoff function w.
        max_z: largest atomic number.
        epsilon: length in Angstrom below which distances are alike, so that it is smooth.
    """

    def __init__(
        self,
        n_out: int,
        radial_basis: RadialBasis,
        cutoff_fn: CutoffFunction,
        max_z: int = 100,
        epsilon: float = 0.1,
    ) -> None:
        super().__init__()
        self.cutoff_fn = cutoff_fn
        self.reach = float(cutoff_fn.cutoff)
        self.epsilon = epsilon
        self.elements = nn.Embedding(max_z + 1, n_out)
        self.radial_basis = radial_basis
        self.radial_functions = ScaledDense(radial_basis.n_rbf, n_out)

    def forward(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """Densities (n_points, n_out) at points (n_points, 3) of molecules (n_points,)."""
        positions = inputs[properties.R]
        pairs = close_pairs(points, idx_m, positions, inputs[properties.idx_m], self.reach)
        square = (points[pairs.point] - positions[pairs.center]).square().sum(dim=1)  # (n_pairs,)
        distances = torch.sqrt(square + self.epsilon**2)
        values = self.radial_functions(self.radial_basis(distances))  # (n_pairs, n_out)
        values = values * self.elements(inputs[properties.Z])[pairs.center]
        values = values * self.cutoff_fn(distances).unsqueeze(1)
        return scatter_add(values, pairs.point, dim_size=points.shape[0])
