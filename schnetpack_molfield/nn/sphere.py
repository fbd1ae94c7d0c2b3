"""Functions on the sphere up to degree 2: harmonics of soft directions, and products."""

from collections.abc import Callable
from itertools import product

import torch
from e3nn import o3
from torch import Tensor, nn

from schnetpack_molfield.nn.dense import EquivariantDense

__all__ = ["SoftHarmonics", "SolidHarmonics", "SphereProduct", "octahedral_rule"]

IRREPS = o3.Irreps("0e + 1o + 2e")


class _Tables(nn.Module):
    """A module with constant tables, which have the full precision of every dtype it is cast to."""

    def _set_tables(self, like: Tensor) -> None:
        """Register the tables, computed in float64, with the dtype and device of `like`."""
        raise NotImplementedError

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "_Tables":
        super()._apply(fn, recurse)
        self._set_tables(next(self.buffers(recurse=False)))
        return self


class SolidHarmonics(_Tables):
    r"""e3nn's solid harmonics of degree 0 to 2 in component normalisation.

    .. math:: Y_0 = 1, \quad Y_{1m} = \sqrt{3}\, x_m, \quad Y_{2m} = \sum_{ab} C_{abm} x_a x_b

    with C from e3nn's 3j symbols. One matrix product: a tenth of the operations of e3nn's module
    in second derivatives, which training with forces takes.
    """

    coupling: Tensor

    def __init__(self) -> None:
        super().__init__()
        self._set_tables(torch.zeros(0))

    def _set_tables(self, like: Tensor) -> None:
        coupling = 37.5**0.5 * o3.wigner_3j(1, 1, 2, dtype=torch.float64).flatten(0, 1)  # (9, 5)
        self.register_buffer("coupling", coupling.to(like), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map vectors (..., 3) to harmonics (..., 9)."""
        pairs = (x.unsqueeze(-1) * x.unsqueeze(-2)).flatten(-2)  # (..., 9)
        return torch.cat([torch.ones_like(x[..., :1]), 3**0.5 * x, pairs @ self.coupling], dim=-1)

    def of_monomials(self, weights: Tensor) -> Tensor:
        """Weights of 1, x_a, x_a x_b, (n, 13, k), that equal these of the harmonics, (n, 9, k)."""
        scalars, vectors, tensors = weights.split([1, 3, 5], dim=1)
        return torch.cat([scalars, 3**0.5 * vectors, self.coupling @ tensors], dim=1)


class SoftHarmonics(nn.Module):
    r"""Distance and spherical harmonics of degree 0 to 2 that are smooth at the origin too.

    .. math:: d = \sqrt{|x|^2 + \epsilon^2}, \qquad Y_{lm}(x / d)

    with e3nn's solid harmonics. x / d is the direction at |x| >> eps
    and vanishes smoothly at the origin of a chart, where no direction exists.

    Args:
        epsilon: length in Angstrom below which the direction fades.
    """

    def __init__(self, epsilon: float = 0.1) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.harmonics = SolidHarmonics()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map vectors (n, 3) to distances (n,) and harmonics (n, 9)."""
        distance = torch.sqrt(x.square().sum(dim=-1) + self.epsilon**2)  # (n,)
        return distance, self.harmonics(x / distance.unsqueeze(-1))


def octahedral_rule() -> tuple[Tensor, Tensor]:
    """Lebedev's quadrature on the unit sphere with 26 points, exact up to degree 7.

    Source: V. I. Lebedev, USSR Comput. Math. Math. Phys. 16, 10 (1976).

    Returns:
        points (26, 3) and weights (26,) that sum to 1, in float64.
    """
    grid = torch.tensor(list(product((-1.0, 0.0, 1.0), repeat=3)), dtype=torch.float64)
    n_axes = grid.abs().sum(dim=1).long()  # (27,): 1 vertices, 2 edges, 3 corners of a cube
    weights = torch.tensor([0.0, 1 / 21, 4 / 105, 9 / 280], dtype=torch.float64)[n_axes]
    keep = n_axes > 0
    return nn.functional.normalize(grid[keep], dim=1), weights[keep]


class SphereProduct(_Tables):
    r"""Products of equivariant features, as functions on the sphere.

    Channel by channel, two mixtures a and b of the features are read as functions on the sphere
    :math:`a(s) = \sum_{lm} a_{lm} Y_{lm}(s)`, multiplied, and projected on degree 0 to 2 again,

    .. math:: c_{lm} = \int a(s)\, b(s)\, Y_{lm}(s)\, ds ,

    which couples all degrees with Gaunt's coefficients (Luo et al. 2024, arXiv:2401.10216). The
    integrand has degree 6, so 26 points integrate it exactly and c is exactly equivariant.

    Args:
        n_channels: number of channels in and out.
        n_products: number of products.
    """

    to_grid: Tensor
    from_grid: Tensor

    def __init__(self, n_channels: int, n_products: int) -> None:
        super().__init__()
        self.first = EquivariantDense(n_channels, n_products)
        self.second = EquivariantDense(n_channels, n_products)
        self.mixing = EquivariantDense(n_products, n_channels)
        self._set_tables(torch.zeros(0))

    def _set_tables(self, like: Tensor) -> None:
        points, weights = octahedral_rule()
        values = o3.spherical_harmonics(IRREPS, points, True, "component")  # (26, 9)
        projection = (values * weights[:, None]).T.contiguous()  # (9, 26)
        self.register_buffer("to_grid", values.to(like), persistent=False)
        self.register_buffer("from_grid", projection.to(like), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 9, n_channels) to the same shape."""
        n = x.shape[0]
        a = self.to_grid @ self.first(x).transpose(0, 1).flatten(1)  # (26, n * n_products)
        b = self.to_grid @ self.second(x).transpose(0, 1).flatten(1)
        products = (self.from_grid @ (a * b)).view(9, n, -1)
        return self.mixing(products.transpose(0, 1))
