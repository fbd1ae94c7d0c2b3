"""Cubic B-splines with learned coefficients: twice continuously differentiable and local."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["CubicSpline"]

# Uniform cubic B-spline, times 6 to be exact in every precision: polynomial coefficients (rows
# 1, u, u^2, u^3) from the four coefficients around an interval.
_POWERS = torch.tensor(
    [[1.0, 4.0, 1.0, 0.0], [-3.0, 0.0, 3.0, 0.0], [3.0, -6.0, 3.0, 0.0], [-1.0, 3.0, -3.0, 1.0]]
)
# Row order for Estrin's scheme: (1 + u * u) + u^2 * (u^2 + u * u^3)
_ESTRIN = [0, 2, 1, 3]


class CubicSpline(nn.Module):
    r"""Vector-valued function of one variable on a uniform grid of knots, learned.

    .. math::
        f(t) = \sum_j c_j \, B_3(t - j), \qquad t \in [0, n_\text{knots} - 1]

    with the cardinal cubic B-spline :math:`B_3` (de Boor, *A Practical Guide to Splines*, 1978).
    Four coefficients act at any t: one row of polynomial coefficients is gathered per point and
    summed by Estrin's scheme, so the cost doesn't depend on the number of knots. Outside the grid
    the function goes over into a constant within three grid steps, twice continuously
    differentiable as everywhere; a periodic spline has the period `n_knots`.

    Args:
        n_knots: number of grid points, at least 4.
        n_features: number of components of f.
        periodic: close the grid to a circle of `n_knots` steps.
        gain: the parameters are the coefficients divided by this. Adam's steps don't depend on
            the size of gradients, so it moves the function that many times faster.

    Raises:
        ValueError: if there are fewer than 4 knots or no features.
    """

    windows: Tensor
    to_powers: Tensor
    curvature: Tensor

    def __init__(
        self, n_knots: int, n_features: int, periodic: bool = False, gain: float = 1.0
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
        self.gain = float(gain)
        windows = _periodic_windows(n_knots) if periodic else _clamped_windows(n_knots)
        n_coefficients = int(windows.max()) + 1
        self.coefficients = nn.Parameter(torch.zeros(n_coefficients, n_features))
        self.register_buffer("windows", windows, persistent=False)
        self.register_buffer("to_powers", _POWERS[_ESTRIN].to(self.coefficients), persistent=False)
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
        u = (t - cell).unsqueeze(-1)  # (n, 1)
        rows = F.embedding(self._interval(cell), self._polynomials())  # (n, 4 * n_features)
        even, odd = rows.chunk(2, dim=-1)  # (n, 2 * n_features)
        low, high = (even + u * odd).chunk(2, dim=-1)  # (n, n_features)
        return low + u * u * high  # (n, n_features)

    def _interval(self, cell: Tensor) -> Tensor:
        """Row of `windows` for the grid cell of each point."""
        if self.periodic:
            return cell.long().remainder(self.n_knots)  # (n,)
        return cell.long().clamp(-3, self.n_knots + 1) + 3  # (n,)

    def _polynomials(self) -> Tensor:
        """Polynomial coefficients of every interval, one row each."""
        around = F.embedding(self.windows, self.coefficients)  # (n_intervals, 4, n_features)
        table = torch.matmul(self.to_powers, around).flatten(1)  # (n_intervals, 4 * n_features)
        return table * (self.gain / 6)

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
        weights = torch.stack(powers, dim=-1) @ _POWERS.to(t) / 6  # (n, 4)
        matrix = t.new_zeros(len(t), len(self.coefficients))  # (n, n_coefficients)
        return matrix.scatter_add_(1, self.windows[self._interval(cell)], weights)

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
        self.coefficients.copy_(solution / self.gain)

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
        return self.gain**2 * (self.curvature @ self.coefficients).square().sum(0).mean()


def _clamped_windows(n_knots: int) -> Tensor:
    """Coefficients of each interval; beyond both ends the last one repeats."""
    first = torch.arange(-3, n_knots + 2)  # three intervals beyond either end
    return (first[:, None] + torch.arange(4)).clamp(0, n_knots + 1)  # (n_knots + 5, 4)


def _periodic_windows(n_knots: int) -> Tensor:
    """Coefficients of each interval on the circle."""
    first = torch.arange(n_knots)
    return (first[:, None] + torch.arange(-1, 3)).remainder(n_knots)  # (n_knots, 4)
