"""Functions on the sphere: harmonics of soft directions, and products of equivariant features."""

from collections.abc import Callable

import torch
from e3nn import o3
from scipy.integrate import lebedev_rule
from torch import Tensor, nn

from schnetpack_molfield.nn.dense import EquivariantDense
from schnetpack_molfield.nn.irreps import DEGREE, irreps, n_rows

__all__ = ["SoftHarmonics", "SolidHarmonics", "SphereProduct"]


class _Tables(nn.Module):
    """A module with constant tables, which have the full precision of every dtype it is cast to."""

    def _set_tables(self, like: Tensor) -> None:
        """Register the tables, computed in float64, with the dtype and device of `like`."""
        raise NotImplementedError

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "_Tables":
        super()._apply(fn, recurse)
        self._set_tables(next(self.buffers(recurse=False)))
        return self


def _coupling(degree: int) -> Tensor:
    """Matrix (n_monomials, n_rows) from the monomials of `SolidHarmonics` to harmonics, float64."""
    blocks = [torch.ones(1, 1, dtype=torch.float64)]
    for order in range(1, degree + 1):
        lower = blocks[-1].view(3 ** (order - 1), 2 * order - 1)
        three_j = o3.wigner_3j(order - 1, 1, order, dtype=torch.float64)
        block = torch.einsum("am,mbn->abn", lower, three_j).reshape(3**order, -1)
        point = torch.tensor([0.48, 0.6, 0.64], dtype=torch.float64)  # anything of length 1
        raw = _monomials(point.view(1, 3, 1), order)[:, -(3**order) :, 0] @ block  # (1, 2l + 1)
        exact = o3.spherical_harmonics(order, point, False, "component")
        blocks.append(block * (raw @ exact) / raw.square().sum())
    return torch.block_diag(*blocks)


def _monomials(x: Tensor, degree: int) -> Tensor:
    """Monomials 1, x_a, x_a x_b, ... (n, n_monomials, k) of vectors (n, 3, k)."""
    products = torch.ones_like(x[:, :1])
    monomials = [products]
    for _ in range(degree):
        products = (products.unsqueeze(2) * x.unsqueeze(1)).flatten(1, 2)  # (n, 3^l, k)
        monomials.append(products)
    return torch.cat(monomials, dim=1)


class SolidHarmonics(_Tables):
    r"""e3nn's solid harmonics of degree 0 to L in component normalisation.

    .. math:: Y_{1m} = \sqrt{3}\, x_m, \quad Y_{2m} = \sum_{ab} C_{abm} x_a x_b, \quad \dots

    with C from e3nn's 3j symbols. One matrix product with the monomials 1, x_a, x_a x_b, ...: a
    tenth of the operations of e3nn's module in second derivatives, which training with forces
    takes.

    Args:
        degree: largest degree L.
    """

    coupling: Tensor

    def __init__(self, degree: int = DEGREE) -> None:
        super().__init__()
        self.degree = degree
        self._set_tables(torch.zeros(0))

    def _set_tables(self, like: Tensor) -> None:
        self.register_buffer("coupling", _coupling(self.degree).to(like), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map vectors (..., 3) to harmonics (..., n_rows)."""
        rows = _monomials(x.reshape(-1, 3, 1), self.degree).squeeze(2) @ self.coupling
        return rows.view(x.shape[:-1] + (-1,))

    def monomials(self, x: Tensor) -> Tensor:
        """Map vectors (n, 3, k) to monomials (n, n_monomials, k): 1, x_a, x_a x_b, ..."""
        return _monomials(x, self.degree)

    def of_monomials(self, weights: Tensor) -> Tensor:
        """Weights (n, n_monomials, k) that equal these of the harmonics, (n, n_rows, k)."""
        return self.coupling @ weights


class SoftHarmonics(nn.Module):
    r"""Distance and spherical harmonics of degree 0 to L that are smooth at the origin too.

    .. math:: d = \sqrt{|x|^2 + \epsilon^2}, \qquad Y_{lm}(x / d)

    with e3nn's solid harmonics. x / d is the direction at |x| >> eps
    and vanishes smoothly at the origin of a chart, where no direction exists.

    Args:
        epsilon: length in Angstrom below which the direction fades.
        degree: largest degree L.
    """

    def __init__(self, epsilon: float = 0.1, degree: int = DEGREE) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.harmonics = SolidHarmonics(degree)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map vectors (n, 3) to distances (n,) and harmonics (n, n_rows)."""
        distance = torch.sqrt(x.square().sum(dim=-1) + self.epsilon**2)  # (n,)
        return distance, self.harmonics(x / distance.unsqueeze(-1))


class SphereProduct(_Tables):
    r"""Products of equivariant features, as functions on the sphere.

    Channel by channel, two mixtures a and b of the features are read as functions on the sphere
    :math:`a(s) = \sum_{lm} a_{lm} Y_{lm}(s)`, multiplied, and projected on degree 0 to L again,

    .. math:: c_{lm} = \int a(s)\, b(s)\, Y_{lm}(s)\, ds ,

    which couples all degrees with Gaunt's coefficients (Luo et al. 2024, arXiv:2401.10216). The
    integrand has degree 3 L, for which a Lebedev rule of few points is exact (26 for L = 2), so c
    is exactly equivariant.

    Args:
        n_channels: number of channels in and out.
        n_products: number of products.
        degree: largest degree L.
    """

    to_grid: Tensor
    from_grid: Tensor

    def __init__(self, n_channels: int, n_products: int, degree: int = DEGREE) -> None:
        super().__init__()
        self.degree = degree
        self.n_rows = n_rows(degree)
        self.first = EquivariantDense(n_channels, n_products, degree)
        self.second = EquivariantDense(n_channels, n_products, degree)
        self.mixing = EquivariantDense(n_products, n_channels, degree)
        self._set_tables(torch.zeros(0))

    def _set_tables(self, like: Tensor) -> None:
        points, weights = (torch.tensor(x) for x in lebedev_rule(3 * self.degree | 1))
        weights = weights / weights.sum()  # (n_points,)
        values = o3.spherical_harmonics(irreps(self.degree), points.T, True, "component")
        projection = (values * weights[:, None]).T.contiguous()  # (n_rows, n_points)
        self.register_buffer("to_grid", values.to(like), persistent=False)
        self.register_buffer("from_grid", projection.to(like), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_rows, n_channels) to the same shape."""
        n = x.shape[0]
        a = self.to_grid @ self.first(x).transpose(0, 1).flatten(1)  # (n_points, n * n_products)
        b = self.to_grid @ self.second(x).transpose(0, 1).flatten(1)
        products = (self.from_grid @ (a * b)).view(self.n_rows, n, -1)
        return self.mixing(products.transpose(0, 1))
