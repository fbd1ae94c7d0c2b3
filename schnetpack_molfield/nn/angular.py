"""Learned encodings of angles and dihedrals, smooth wherever the geometry is."""

import math

import torch
from torch import Tensor, nn

from schnetpack_molfield.nn.spline import CubicSpline

__all__ = ["LearnedAngularEncoding", "LearnedDihedralEncoding", "cos_angle", "dihedral_components"]


def cos_angle(
    r_ij: Tensor,  # (..., 3)
    r_ik: Tensor,  # (..., 3)
    eps: float = 1e-12,
) -> Tensor:
    """Cosine of the angle between two vectors; 0 where one of them vanishes.

    Args:
        r_ij: first vectors, shape (..., 3).
        r_ik: second vectors, shape (..., 3).
        eps: added to the product of the squared lengths.

    Returns:
        Cosines, shape (...), with finite derivatives everywhere, 0 and 180 degrees included.
    """
    squared = r_ij.square().sum(-1) * r_ik.square().sum(-1)  # (...)
    return (r_ij * r_ik).sum(-1) * (squared + eps).rsqrt()  # (...)


def dihedral_components(
    b1: Tensor,  # (..., 3)
    b2: Tensor,  # (..., 3)
    b3: Tensor,  # (..., 3)
    eps: float = 1e-12,
) -> tuple[Tensor, Tensor]:
    """Unnormalised cosine and sine of the dihedral of three successive bonds.

    With the dimensionless normals n1 = b1 x b2 / |b2| and n2 = b2 x b3 / |b2| in IUPAC's sign
    convention. Both are smooth and vanish where three atoms are collinear.

    Args:
        b1: vectors from the first atom to the second, shape (..., 3).
        b2: from the second to the third.
        b3: from the third to the fourth.
        eps: added to the squared length of b2.

    Returns:
        |n1| |n2| cos(phi) and |n1| |n2| sin(phi) in units of length squared, each shape (...).
    """
    n1 = torch.linalg.cross(b1, b2)  # (..., 3)
    n2 = torch.linalg.cross(b2, b3)  # (..., 3)
    inverse = (b2.square().sum(-1) + eps).reciprocal()  # (...)
    x = (n1 * n2).sum(-1) * inverse  # (...)
    y = (b1 * n2).sum(-1) * inverse.sqrt()  # (...)
    return x, y


class LearnedAngularEncoding(nn.Module):
    r"""Learned, twice continuously differentiable encoding of angles.

    Cubic splines in :math:`\cos\theta`, so there is no arc cosine and no singular derivative at 0
    and 180 degrees: what is smooth in the cosine is smooth in the positions. The features start as
    the Chebyshev polynomials :math:`T_k(\cos\theta) = \cos k\theta`, k = 0 ... n_features - 1.

    Args:
        n_features: number of features.
        n_knots: number of grid points over [-1, 1].
    """

    def __init__(self, n_features: int, n_knots: int = 48) -> None:
        super().__init__()
        self.n_features = n_features
        self.spline = CubicSpline(n_knots, n_features)
        x = torch.linspace(-1, 1, 16 * n_knots, dtype=torch.float64)
        orders = torch.arange(n_features, dtype=torch.float64)
        self.spline.fit(self._to_grid(x), torch.cos(orders * x.arccos()[:, None]))
        self._set_metric()

    def forward(self, cos_theta: Tensor) -> Tensor:
        """Encode angles.

        Args:
            cos_theta: cosines (see `cos_angle`), any shape (...).

        Returns:
            Features, shape (..., n_features).
        """
        features = self.spline(self._to_grid(cos_theta.reshape(-1)))  # (n, n_features)
        return features.reshape(cos_theta.shape + (self.n_features,))  # (..., n_features)

    def _to_grid(self, x: Tensor) -> Tensor:
        return (x + 1) * (0.5 * (self.spline.n_knots - 1))

    def _set_metric(self) -> None:
        """Roughness along the angle in radians, by the midpoint rule."""
        n_nodes = 4 * self.spline.n_knots
        theta = (torch.arange(n_nodes, dtype=torch.float64) + 0.5) * (math.pi / n_nodes)
        half = 0.5 * (self.spline.n_knots - 1)
        self.spline.set_metric(
            t=self._to_grid(theta.cos()),
            slope=-half * theta.sin(),
            bend=-half * theta.cos(),
            weight=torch.full_like(theta, math.pi / n_nodes),
        )


class LearnedDihedralEncoding(nn.Module):
    r"""Learned, periodic, twice continuously differentiable encoding of dihedral angles.

    .. math::
        \phi_k = w(\rho) f_k(\varphi), \qquad
        w = \left( \frac{\rho^2}{\rho^2 + \epsilon^2} \right)^2, \qquad
        \rho^2 = x^2 + y^2

    with periodic cubic splines f and the unnormalised cosine x and sine y of the dihedral. The
    weight takes the encoding to zero, with two derivatives, where three atoms become collinear and
    the dihedral loses its meaning. By default f is even, so that mirror images get the same
    features; `chiral` tells them apart. It starts as cos(k phi), with `chiral` as 1, cos(phi),
    sin(phi), cos(2 phi), ...

    Args:
        n_features: number of features.
        n_knots: number of grid points around the circle.
        chiral: encode the sign of the dihedral.
        epsilon: scale of the weight in the unit of x and y.
    """

    def __init__(
        self, n_features: int, n_knots: int = 48, chiral: bool = False, epsilon: float = 0.1
    ) -> None:
        super().__init__()
        self.n_features = n_features
        self.chiral = chiral
        self.epsilon = epsilon
        self.spline = CubicSpline(n_knots, n_features, periodic=True)
        self._initialise()

    def forward(
        self,
        x: Tensor,  # (...)
        y: Tensor,  # (...)
    ) -> Tensor:
        """Encode dihedrals.

        Args:
            x: unnormalised cosines (see `dihedral_components`), any shape (...).
            y: unnormalised sines, same shape.

        Returns:
            Features, shape (..., n_features).
        """
        rho2 = x * x + y * y  # (...)
        undefined = rho2 == 0
        phi = torch.atan2(y, x.masked_fill(undefined, 1.0))  # (...), no 0 / 0 in the derivative
        t = phi.reshape(-1) * (self.spline.n_knots / (2 * math.pi))  # (n,)
        features = self.spline(t)  # (n, n_features)
        if not self.chiral:
            features = 0.5 * (features + self.spline(-t))  # (n, n_features)
        weight = (rho2 / (rho2 + self.epsilon**2)).square()  # (...)
        return features.reshape(x.shape + (self.n_features,)) * weight.unsqueeze(-1)

    def _initialise(self) -> None:
        """Fit the Fourier functions; the grid is uniform along the angle in radians."""
        n_knots = self.spline.n_knots
        t = torch.linspace(0, n_knots, 16 * n_knots, dtype=torch.float64)
        phi = t * (2 * math.pi / n_knots)
        k = torch.arange(self.n_features)
        if self.chiral:
            order, phase = (k + 1) // 2, torch.where(k % 2 == 0, 0.5 * math.pi, 0.0)
            phase = torch.where(k == 0, 0.0, phase)
        else:
            order, phase = k, torch.zeros(self.n_features)
        self.spline.fit(t, torch.cos(order * phi[:, None] - phase.double()))
        nodes = torch.arange(n_knots, dtype=torch.float64)
        step = torch.full_like(nodes, 2 * math.pi / n_knots)
        self.spline.set_metric(nodes, 1 / step, torch.zeros_like(nodes), step)
