"""What follows from a density and its derivatives at a point."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from schnetpack_molfield.densities.difference import density_column
from schnetpack_molfield.densities.field_like import field_like
from schnetpack_molfield.fields.derivatives import Evaluate, channel_gradient, channel_laplacian
from schnetpack_molfield.fields.electronic import ElectronicField
from schnetpack_molfield.fields.molecular_field import MolecularField
from schnetpack_molfield.fields.promolecule import DENSITY_UNITS, PromoleculeDensity

__all__ = [
    "contacts",
    "deformation_density",
    "density_laplacian",
    "reduced_gradient",
    "signed_density",
]

#: Densities in e/bohr^3 above which there are bonds and atoms, not contacts between molecules.
_CONTACT = 0.05

#: The reduced gradient there, and the largest one elsewhere that is told from it.
_NO_CONTACT = 2.0

#: Density in e/Ang^3 below which there is nothing.
_NOTHING = 1e-12


def density_laplacian(field: ElectronicField, channel: str | None = None) -> MolecularField:
    """Laplacian of a density in e/Ang^5: negative where electrons are concentrated."""
    density = _density(field, channel)

    def evaluate(points: Tensor) -> Tensor:
        return channel_laplacian(density, points)  # (n_points, 1)

    return field_like(field, evaluate, ["density_laplacian"], "e/Ang^5", field.block_size // 8)


def deformation_density(field: ElectronicField, channel: str | None = None) -> MolecularField:
    """Density minus that of the promolecule in e/Ang^3: what the bonds have changed."""
    density = _density(field, channel)
    free = PromoleculeDensity().of(field.atoms, dtype=field.dtype, device=field.device)

    def evaluate(points: Tensor) -> Tensor:
        return density(points) - free.evaluate(points)

    size = min(field.block_size, free.block_size)
    return field_like(field, evaluate, ["deformation_density"], "e/Ang^3", size)


def reduced_gradient(field: ElectronicField, channel: str | None = None) -> MolecularField:
    r"""Reduced density gradient, a number without unit; infinite where there is no density.

    .. math:: s = \frac{|\nabla \rho|}{2 (3 \pi^2)^{1/3} \rho^{4/3}}
    """
    density = _density(field, channel)

    def evaluate(points: Tensor) -> Tensor:
        return _reduced_gradient(density, points)[0]

    return field_like(field, evaluate, ["reduced_gradient"], "", field.block_size // 4)


def contacts(field: ElectronicField, channel: str | None = None) -> MolecularField:
    """The reduced gradient outside of bonds and atoms, to be drawn at 0.5: contacts.

    It is 2 where the density is above 0.05 e/bohr^3, and at most 2 elsewhere (Johnson et al.,
    J. Am. Chem. Soc. 132, 6498 (2010)). Coloured by `signed_density`: attraction is negative,
    repulsion positive.
    """
    density = _density(field, channel)
    bound = _CONTACT / DENSITY_UNITS["e/bohr^3"]  # e/Ang^3

    def evaluate(points: Tensor) -> Tensor:
        reduced, values = _reduced_gradient(density, points)
        outside = reduced.clamp_max(_NO_CONTACT)
        return torch.where(values > bound, _NO_CONTACT, outside)  # (n_points, 1)

    return field_like(field, evaluate, ["contacts"], "", field.block_size // 4)


def signed_density(field: ElectronicField, channel: str | None = None) -> MolecularField:
    """Density in e/Ang^3 with the sign of the Hessian's middle eigenvalue."""
    density = _density(field, channel)

    def evaluate(points: Tensor) -> Tensor:
        middle = torch.linalg.eigvalsh(_hessian(density, points).detach())[:, 1:2]
        return density(points) * middle.sign()  # (n_points, 1)

    return field_like(field, evaluate, ["signed_density"], "e/Ang^3", field.block_size // 8)


def _density(field: ElectronicField, channel: str | None) -> Evaluate:
    """A density (n_points, 1) in e/Ang^3 as a function of points."""
    column, factor = density_column(field, channel)
    return lambda points: factor * field.evaluate(points)[:, column : column + 1]


def _reduced_gradient(density: Evaluate, points: Tensor) -> tuple[Tensor, Tensor]:
    """Reduced gradient and density (n_points, 1)."""
    gradient = channel_gradient(density, points)[:, 0]  # (n_points, 3)
    values = density(points)  # (n_points, 1)
    steepness = gradient.norm(dim=1, keepdim=True) / (2 * (3 * math.pi**2) ** (1 / 3))
    reduced = steepness / values.clamp_min(_NOTHING) ** (4 / 3)
    return torch.where(values > _NOTHING, reduced, torch.inf), values


def _hessian(evaluate: Evaluate, points: Tensor) -> Tensor:
    """Second derivatives (n_points, 3, 3) of the only channel."""
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        gradient = channel_gradient(evaluate, points)[:, 0]  # (n_points, 3)
        return channel_gradient(lambda _: gradient, points)
