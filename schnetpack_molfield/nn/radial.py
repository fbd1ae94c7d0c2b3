"""Learned encoding of interatomic distances, in the place of SchNetPack's radial bases."""

import math

import torch
from schnetpack.nn.radial import BesselRBF, GaussianRBF
from torch import Tensor, nn
from torch.nn import functional as F

from schnetpack_molfield.checks import check_choice
from schnetpack_molfield.nn.spline import CubicSpline

__all__ = ["LearnedRadialEncoding", "PairCorrection"]

# Knots per feature, uniform and at short range, with which the fit of the functions to start from
# misses by less than 1e-3 of their size
_KNOTS_PER_FEATURE = {"gaussian": (2, 4), "bessel": (4, 8), "log_gaussian": (5, 2)}


def _to_log_scale(d: Tensor, cutoff: float, end: float) -> Tensor:
    """Map [0, cutoff] to [0, end], five times steeper at zero distance than at the cutoff."""
    return torch.log1p(d * (4.0 / cutoff)) * (end / math.log(5.0))


def _functions(
    init: str,
    n: int,
    cutoff: float,
    d: Tensor,  # (n_points,)
) -> Tensor:
    """Values (n_points, n) of the functions to start from; see `LearnedRadialEncoding`."""
    if init == "bessel":
        return BesselRBF(n, cutoff).double()(d)
    if init == "gaussian":
        return GaussianRBF(n, cutoff).double()(d)
    return GaussianRBF(n, 1.0).double()(_to_log_scale(d, cutoff, 1.0))


class PairCorrection(nn.Module):
    r"""Correction of radial features by the pair of elements, of low rank and zero at the start.

    .. math::
        \phi_k(d, Z_i, Z_j) = f_k(d) + \sum_{r=1}^{R} a_r(Z_i) \, a_r(Z_j) \, g_r(d) \, u_{rk}

    a canonical polyadic decomposition over (pair, distance, feature), symmetric in the pair. The
    factors a start near 1: what training finds for one pair of elements holds for the others too
    until it learns to tell them apart.

    Args:
        n_rbf: number of features f.
        rank: number R of functions g.
        max_z: largest atomic number.
        lr_scale: the parameters are a and u divided by this (see `CubicSpline`).
    """

    def __init__(self, n_rbf: int, rank: int, max_z: int, lr_scale: float = 1.0) -> None:
        super().__init__()
        self.n_rbf = n_rbf
        self.rank = rank
        self.lr_scale = float(lr_scale)
        like_elements = 1 + 0.3 * torch.randn(max_z + 1, rank)
        self.element_factors = nn.Parameter(like_elements / self.lr_scale)
        self.mixing = nn.Parameter(torch.zeros(rank, n_rbf))

    def forward(
        self,
        features: Tensor,  # (n, n_rbf + rank), f and g side by side
        z_i: Tensor,  # (n,)
        z_j: Tensor,  # (n,)
    ) -> Tensor:
        """Return the corrected features, shape (n, n_rbf)."""
        shared, pairwise = features.split([self.n_rbf, self.rank], dim=-1)
        a_i = self.element_factors.index_select(0, z_i)  # (n, rank)
        a_j = self.element_factors.index_select(0, z_j)  # (n, rank)
        weighted = a_i * a_j * pairwise  # (n, rank)
        return torch.addmm(shared, weighted, self.mixing * self.lr_scale**3)  # (n, n_rbf)


class LearnedRadialEncoding(nn.Module):
    r"""Learned, twice continuously differentiable encoding of distances.

    Each feature is a cubic spline over [0, cutoff] whose coefficients are trained with the rest of
    the model (the idea of Gao et al. 2022, arXiv:2211.12773), and starts as one of SchNetPack's
    Gaussian or Bessel functions. Use it wherever SchNetPack takes a radial basis:

        representation = PaiNN(64, 3, LearnedRadialEncoding(20, 5.0), CosineCutoff(5.0))

    With `pair_rank` > 0 a distance can mean different things to different elements: see
    `PairCorrection`. The elements come with the call, or from an `ElementPairs` around a
    SchNetPack representation, which calls with distances alone.

    Beyond the cutoff the encoding goes over into a constant, twice continuously differentiable;
    it is the cutoff function that switches the interaction off.

    Args:
        n_rbf: number of features.
        cutoff: end of the grid in the unit of the distances (Angstrom in SchNetPack).
        n_knots: number of grid points; by default enough to start within 1e-3 of the functions
            of `init`.
        init: functions to start from: SchNetPack's `gaussian` or `bessel`, or `log_gaussian`,
            Gaussians evenly spaced in log(1 + 4 d / cutoff).
        grid: `uniform`, or `short_range`: knots uniform in log(1 + 4 d / cutoff), five times
            denser at zero distance than at the cutoff.
        pair_rank: rank of the correction by the pair of elements; 0 leaves it out.
        max_z: largest atomic number, for `pair_rank`.
        lr_scale: how much faster than other parameters the encoding moves under Adam and its like;
            10 did well without pairs of elements, 5 with them (docs/encodings.md).
        amplitude: factor on the functions to start from. Larger features make the layers behind
            them learn faster; 2 with `log_gaussian` did well in training (docs/encodings.md).

    Raises:
        ValueError: for an unknown `init` or `grid`, a cutoff that isn't positive, or fewer than
            two features.
    """

    _z_i: Tensor | None
    _z_j: Tensor | None

    def __init__(
        self,
        n_rbf: int,
        cutoff: float,
        n_knots: int | None = None,
        init: str = "gaussian",
        grid: str = "uniform",
        pair_rank: int = 0,
        max_z: int = 100,
        lr_scale: float = 1.0,
        amplitude: float = 1.0,
    ) -> None:
        super().__init__()
        check_choice("init", init, list(_KNOTS_PER_FEATURE))
        check_choice("grid", grid, ["uniform", "short_range"])
        if n_rbf < 2 or not cutoff > 0:
            raise ValueError(f"expected n_rbf >= 2 and cutoff > 0, got {n_rbf} and {cutoff}")
        self.n_rbf = n_rbf
        self.cutoff = float(cutoff)
        self.short_range = grid == "short_range"
        n_knots = n_knots or n_rbf * _KNOTS_PER_FEATURE[init][self.short_range]
        self.spline = CubicSpline(n_knots, n_rbf + pair_rank, lr_scale=lr_scale)
        self.pair = PairCorrection(n_rbf, pair_rank, max_z, lr_scale) if pair_rank else None
        self.condition_on(None, None)
        self._initialise(init, amplitude)

    def condition_on(self, z_i: Tensor | None, z_j: Tensor | None) -> None:
        """Set the elements for callers that only pass distances; None takes them back."""
        self._z_i, self._z_j = z_i, z_j

    def forward(self, d: Tensor, z_i: Tensor | None = None, z_j: Tensor | None = None) -> Tensor:
        """Encode distances.

        Args:
            d: distances, any shape (...).
            z_i: atomic numbers of the first atoms, for `pair_rank` > 0: as many as distances, or
                one less if the last distance is padding.
            z_j: atomic numbers of the second atoms.

        Returns:
            Features, shape (..., n_rbf).

        Raises:
            ValueError: if `pair_rank` > 0 and nobody gave the elements, or not as many.
        """
        features = self.spline(self._to_grid(d.reshape(-1)))  # (n, n_rbf + pair_rank)
        if self.pair is not None:
            z_i = self._z_i if z_i is None else z_i
            z_j = self._z_j if z_j is None else z_j
            if z_i is None or z_j is None:
                raise ValueError(
                    "pair_rank > 0 needs the elements: pass z_i and z_j, or put "
                    "schnetpack_molfield.nn.ElementPairs around the representation "
                    "(model/representation=molfield_element_pairs)"
                )
            n = features.shape[0]
            features = self.pair(features, _one_per_pair(z_i, n), _one_per_pair(z_j, n))
        return features.reshape(d.shape + (self.n_rbf,))  # (..., n_rbf)

    def _to_grid(self, d: Tensor) -> Tensor:
        """Position of a distance in grid steps."""
        steps = self.spline.n_knots - 1
        if self.short_range:
            return _to_log_scale(d, self.cutoff, float(steps))  # (n,)
        return d * (steps / self.cutoff)  # (n,)

    def _initialise(self, init: str, amplitude: float) -> None:
        """Fit the functions to start from, and tell the spline how the grid lies."""
        n_points = 16 * self.spline.n_knots  # midpoints: at 0 the host's Bessel function jumps
        d = (torch.arange(n_points, dtype=torch.float64) + 0.5) * (self.cutoff / n_points)
        values = _functions(init, self.n_rbf, self.cutoff, d)  # (n, n_rbf)
        n_pair = self.spline.n_features - self.n_rbf
        if n_pair:
            pairwise = _functions(init, max(n_pair, 2), self.cutoff, d)[
                :, :n_pair
            ]  # (n, pair_rank)
            values = torch.cat([values, pairwise], dim=-1)
        self.spline.fit(self._to_grid(d), amplitude * values)
        self.spline.set_metric(*self._metric())

    def _metric(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Grid position, its two derivatives and the trapezoidal weights at the knots."""
        steps = self.spline.n_knots - 1
        t = torch.arange(steps + 1, dtype=torch.float64)
        if self.short_range:
            a = self.cutoff / 4
            d = a * torch.expm1(t * (math.log(5.0) / steps))
            slope = steps / math.log(5.0) / (a + d)
            bend = -slope / (a + d)
        else:
            slope = torch.full_like(t, steps / self.cutoff)
            bend = torch.zeros_like(t)
        weight = 1 / slope
        weight[[0, -1]] /= 2
        return t, slope, bend, weight


def _one_per_pair(z: Tensor, n_pairs: int) -> Tensor:
    """Atomic numbers, shape (n_pairs,), with 0 for a padding pair at the end."""
    missing = n_pairs - z.numel()
    if missing < 0 or missing > 1:
        raise ValueError(f"got the elements of {z.numel()} pairs for {n_pairs} distances")
    return F.pad(z.reshape(-1), [0, missing])
