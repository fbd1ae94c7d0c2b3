"""Cubic B-splines with learned coefficients: twice continuously differentiable and local."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["CubicSpline"]

# Uniform cubic B-spline, times 6 to be exact in every precision: weights of the four coefficients
# around an interval (rows) from the powers 1, u, u^2, u^3 (columns)
_TO_WEIGHTS = torch.tensor(
    [[1.0, -3.0, 3.0, -1.0], [4.0, 0.0, -6.0, 3.0], [1.0, 3.0, 3.0, -3.0], [0.0, 0.0, 0.0, 1.0]]
)
# Up to here one product with a matrix (n, n_coefficients) is faster than four gathered rows
_WIDEST_MATRIX = 64


class CubicSpline(nn.Module):
    r"""Vector-valued function of one variable on a uniform grid of knots, learned.

    .. math::
        f(t) = \sum_j c_j \, B_3(t - j), \qquad t \in [0, n_\text{knots} - 1]

    with the cardinal cubic B-spline :math:`B_3` (de Boor, *A Practical Guide to Splines*, 1978).
    Four coefficients act at any t. On narrow grids their weights are scattered into a matrix that
    multiplies all coefficients, which is the fastest in training; on wide ones the four rows are
    gathered, so that time and memory don't grow with the number of knots. Outside the grid the
    function goes over into a constant within three grid steps, twice continuously differentiable
    as everywhere; a periodic spline has the period `n_knots`.

    Args:
        n_knots: number of grid points, at least 4.
        n_features: number of components of f.
        periodic: close the grid to a circle of `n_knots` steps.
        lr_scale: the parameters are the coefficients divided by this. Adam's steps don't depend on
            the size of gradients, so it moves the function that many times faster.

    Raises:
        ValueError: if there are fewer than 4 knots or no features.
    """

    to_weights: Tensor
    curvature: Tensor

    def __init__(
        self, n_knots: int, n_features: int, periodic: bool = False, lr_scale: float = 1.0
    ) -> None:
        super().__init__()
        if n_knots < 4 or n_features < 1:
            raise ValueError(
                "a cubic spline needs n_knots >= 4 and n_features >= 1, "
                f"got n_knots={n_knots}, n_features={n_features}"
            )
        self.n_knots = n_knots
        self.n_features = n_features
        self.periodic = periodic
        self.lr_scale = float(lr_scale)
        n_coefficients = n_knots if periodic else n_knots + 2
        self.wide = n_coefficients > _WIDEST_MATRIX
        self.coefficients = nn.Parameter(torch.zeros(n_coefficients, n_features))
        self.register_buffer("to_weights", _TO_WEIGHTS.clone(), persistent=False)
        self.register_buffer(
            "curvature", self.coefficients.new_zeros(0, n_coefficients), persistent=False
        )

    def forward(
        self,
        t: Tensor,  # (n,)
    ) -> Tensor:
        """Evaluate the spline.

        Args:
            t: positions in grid steps, shape (n,).

        Returns:
            Values, shape (n, n_features).
        """
        cell = t.detach().floor()  # (n,)
        u = t - cell  # (n,)
        u2 = u * u
        powers = torch.stack([torch.ones_like(u), u, u2, u2 * u])  # (4, n)
        weights = torch.mm(self.to_weights * (self.lr_scale / 6), powers)  # (4, n)
        window = self._window(cell)  # (4, n)
        if self.wide:
            around = F.embedding(window, self.coefficients)  # (4, n, n_features)
            return (weights.unsqueeze(-1) * around).sum(0)  # (n, n_features)
        matrix = weights.new_zeros(t.shape[0], self.coefficients.shape[0])  # (n, n_coefficients)
        matrix.scatter_add_(1, window.t(), weights.t())
        return torch.mm(matrix, self.coefficients)  # (n, n_features)

    def _window(
        self,
        cell: Tensor,  # (n,)
    ) -> Tensor:
        """The four coefficients that act in each grid cell, shape (4, n).

        Beyond both ends the last one repeats.
        """
        window = cell.long() + torch.arange(4, device=cell.device).unsqueeze(1)  # (4, n)
        if self.periodic:
            return (window - 1).remainder(self.n_knots)
        return window.clamp(0, self.n_knots + 1)

    @torch.no_grad()
    def design_matrix(
        self,
        t: Tensor,  # (n,)
        derivative: int = 0,
    ) -> Tensor:
        """Matrix that takes the coefficients to the values or derivatives at t.

        Args:
            t: positions in grid steps, shape (n,).
            derivative: 0, 1 or 2.

        Returns:
            Dense matrix in float64, shape (n, n_coefficients).
        """
        t = t.double()
        cell = t.floor()
        u = t - cell
        one, zero = torch.ones_like(u), torch.zeros_like(u)
        powers = [
            [one, u, u * u, u * u * u],
            [zero, one, 2 * u, 3 * u * u],
            [zero, zero, 2 * one, 6 * u],
        ][derivative]
        weights = _TO_WEIGHTS.to(t) @ torch.stack(powers) / 6  # (4, n)
        matrix = t.new_zeros(len(self.coefficients), len(t))  # (n_coefficients, n)
        return matrix.scatter_add_(0, self._window(cell), weights).T

    @torch.no_grad()
    def fit(
        self,
        t: Tensor,  # (n,)
        values: Tensor,  # (n, n_features)
    ) -> None:
        """Set the coefficients to the least-squares fit of given values.

        Args:
            t: positions in grid steps, shape (n,); several per interval.
            values: function values there, shape (n, n_features).
        """
        solution = torch.linalg.lstsq(self.design_matrix(t), values.double()).solution
        self.coefficients.copy_(solution / self.lr_scale)

    @torch.no_grad()
    def set_metric(
        self,
        t: Tensor,  # (n,)
        slope: Tensor,  # (n,)
        bend: Tensor,  # (n,)
        weight: Tensor,  # (n,)
    ) -> None:
        """Say how the grid lies along the physical variable q, for `roughness`.

        Args:
            t: grid positions t(q) of the quadrature nodes, shape (n,).
            slope: dt/dq there, shape (n,).
            bend: second derivative of t with respect to q there, shape (n,).
            weight: quadrature weights in units of q, shape (n,).
        """
        second = self.design_matrix(t, 2) * slope.double().square()[:, None]
        second += self.design_matrix(t, 1) * bend.double()[:, None]  # (n, n_coefficients)
        self.curvature = (second * weight.double().sqrt()[:, None]).to(self.coefficients)

    def roughness(self) -> Tensor:
        r"""Integrated squared curvature along the physical variable, averaged over the features.

        .. math::
            \frac{1}{n_\text{features}} \sum_k \int \left( \frac{d^2 f_k}{dq^2} \right)^2 dq

        On a uniform grid of step h it is the sum of h times the squared second differences of the
        coefficients over h^2, so that its value converges as knots are added. Unit: that of f
        squared over that of q cubed.

        Returns:
            Scalar tensor, differentiable in the coefficients.
        """
        return self.lr_scale**2 * (self.curvature @ self.coefficients).square().sum(0).mean()
