"""Dipole and quadrupole moments: the promolecule has none, so they are those of the difference."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from schnetpack_molfield.densities.difference import DensityDifference

__all__ = ["dipole_moment", "quadrupole_moment"]


def dipole_moment(difference: DensityDifference, origin: ArrayLike | None = None) -> Tensor:
    """Dipole moment (3,) in e Ang, from the negative to the positive charge.

    Args:
        difference: of the density to the promolecule.
        origin: (3,) in Angstrom; the centre of the nuclear charges if None. Only the dipole moment
            of an ion depends on it.
    """
    return -(difference.electrons @ _arms(difference, origin))


def quadrupole_moment(difference: DensityDifference, origin: ArrayLike | None = None) -> Tensor:
    r"""Traceless quadrupole moment (3, 3) in e Ang^2.

    .. math:: \Theta = \tfrac{1}{2} \int \rho_q(x) \, (3 x x^T - |x|^2 I) \, dx

    with the density of charge (Buckingham, Q. Rev. Chem. Soc. 13, 183 (1959)).

    Args:
        difference: of the density to the promolecule.
        origin: (3,) in Angstrom; the centre of the nuclear charges if None. It matters to molecules
            with a dipole moment.
    """
    arms = _arms(difference, origin)
    second = -(arms.T * difference.electrons) @ arms  # (3, 3)
    return 1.5 * second - 0.5 * second.trace() * torch.eye(3).to(second)


def _arms(difference: DensityDifference, origin: ArrayLike | None) -> Tensor:
    """Points (n_points, 3) from the origin."""
    if origin is None:
        weights = difference.numbers.double() / difference.numbers.sum()
        return difference.points - weights @ difference.positions
    center = torch.as_tensor(origin).to(difference.points)
    if center.shape != (3,) or not center.isfinite().all():
        raise ValueError(f"origin must be a point of three numbers, got {origin!r}")
    return difference.points - center
