r"""Poisson's equation for a charge density in shares of atoms, by multipoles of every share.

Every atom's share of the density is expanded in real spherical harmonics around its nucleus; the
potential of each component is a radial integral (Becke & Dickson, J. Chem. Phys. 89, 2993 (1988)):

.. math::
    v_{lm}(r) = \frac{4 \pi}{2 l + 1} \int_0^\infty
                \frac{r_<^l}{r_>^{l+1}} \rho_{lm}(r') \, r'^2 \, dr'
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from torch import Tensor

from schnetpack_molfield.densities.harmonics import real_harmonics
from schnetpack_molfield.fields.quadrature import radial_scale

__all__ = ["MultipolePotential"]

#: Points of Gauss and Legendre's rule between two spheres.
_BETWEEN = 4

#: Numbers that are gathered for a block of points.
_BLOCK = 2**23


class MultipolePotential:
    """The Coulomb potential of charges on an `atom_centered_quadrature`, at any points.

    Its first and second derivatives are continuous but at the nuclei.

    Args:
        numbers: (n_atoms,) atomic numbers.
        positions: (n_atoms, 3) in Angstrom, float64.
        points: (n_points, 3) of the quadrature.
        charges: (n_points,) charge of every point, density times weight.
        n_radial: number of spheres around every atom.
        degree: highest degree of the harmonics.
    """

    def __init__(
        self,
        numbers: Tensor,
        positions: Tensor,
        points: Tensor,
        charges: Tensor,
        n_radial: int,
        degree: int = 10,
    ) -> None:
        self.positions = positions
        self.scale = radial_scale(numbers).to(positions)  # (n_atoms,)
        self.degrees = list(range(degree + 1))
        self.step = math.pi / (n_radial + 1)  # between the angles that spheres are at
        directions = points.view(len(numbers), n_radial, -1, 3)[0, 0] - positions[0]
        shells = charges.view(len(numbers), n_radial, -1)  # (n_atoms, n_radial, n_directions)
        directions = directions / directions.norm(dim=1, keepdim=True)
        moments = shells @ real_harmonics(directions, degree) / self.step  # (n_atoms, n_radial, n)
        self.pieces = self._pieces(moments.numpy(force=True)).to(positions)

    @property
    def block_size(self) -> int:
        """How many points to evaluate together."""
        return max(1, _BLOCK // (self.pieces.shape[0] * self.pieces.shape[3]))

    def __call__(self, points: Tensor) -> Tensor:
        """Charges over distances, summed, in e/Angstrom: (n,) at points (n, 3) in float64."""
        arms = points.unsqueeze(1) - self.positions  # (n, n_atoms, 3)
        gaps = arms.square().sum(dim=-1).clamp_min(1e-12).sqrt()  # (n, n_atoms)
        angles = 2 * torch.atan2(self.scale.sqrt(), gaps.sqrt())
        place = angles / self.step
        piece = place.detach().long().clamp(0, self.pieces.shape[1] - 1)
        atom = torch.arange(len(self.scale), device=piece.device)
        cubic = self.pieces[atom, piece]  # (n, n_atoms, 4, n_lm)
        rest = (place - piece).unsqueeze(-1)
        radial = cubic[..., 0, :]
        for power in (1, 2, 3):
            radial = radial * rest + cubic[..., power, :]
        harmonics = real_harmonics(arms / gaps.unsqueeze(-1), self.degrees[-1])
        return (radial * harmonics).sum(dim=(1, 2))

    def _pieces(self, moments: np.ndarray) -> Tensor:
        """Cubic polynomials (n_atoms, n_pieces, 4, n_lm) of the potential between two spheres.

        They are in the angle of the sphere, from infinity (0) to the nucleus (pi), in steps. So are
        the moments (n_atoms, n_radial, n_lm), densities of the charge on the spheres.
        """
        knots = np.arange(moments.shape[1] + 2.0)
        padded = np.pad(moments, ((0, 0), (1, 1), (0, 0)))
        nodes, weights = np.polynomial.legendre.leggauss(_BETWEEN)
        between = (knots[:-1, None] + (nodes + 1) / 2).ravel()  # (n_between,)
        density = CubicSpline(knots, padded, axis=1, bc_type="clamped")(between)
        density *= self.step * np.tile(weights / 2, len(knots) - 1)[:, None]
        order = np.repeat(self.degrees, [2 * degree + 1 for degree in self.degrees])  # (n_lm,)
        kernel = _kernel(_radius(knots * self.step), _radius(between * self.step), self.degrees)
        potential = np.einsum("mkj,ajm->akm", kernel[order], density, optimize=True)
        potential /= self.scale.numpy(force=True)[:, None, None]
        spline = CubicSpline(knots, potential, axis=1, bc_type="clamped")
        return torch.from_numpy(spline.c.transpose(2, 1, 0, 3).copy())


def _radius(angle: np.ndarray) -> np.ndarray:
    """Radius of the sphere at an angle, in units of the atom's scale; infinite at 0."""
    return np.tan((np.pi - angle) / 2) ** 2


def _kernel(knots: np.ndarray, between: np.ndarray, degrees: list[int]) -> np.ndarray:
    """4 pi / (2 l + 1) r_<^l / r_>^(l + 1), (n_degrees, n_knots, n_between)."""
    inner = np.minimum(knots[:, None], between)
    outer = np.maximum(knots[:, None], between)
    return np.stack(
        [4 * np.pi / (2 * l + 1) * (inner / outer) ** l / outer for l in degrees]  # noqa: E741
    )
