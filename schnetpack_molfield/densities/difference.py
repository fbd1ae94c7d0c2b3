"""What a density adds to the promolecule: the part that moments, charges and potentials have."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from warnings import warn

import torch
from torch import Tensor

from schnetpack_molfield.fields.molecule import total_charge
from schnetpack_molfield.fields.promolecule import DENSITY_UNITS, PromoleculeDensity
from schnetpack_molfield.fields.quadrature import atom_centered_quadrature
from schnetpack_molfield.fields.units import is_density, unit_factor

if TYPE_CHECKING:
    from schnetpack_molfield.fields.around_atoms import FieldAroundAtoms

__all__ = ["N_RADIAL", "DensityDifference", "density_column", "density_difference"]

#: Spheres around every atom.
N_RADIAL = 40

#: Electrons too many or too few that are scaled away without a word.
_FEW = 0.3

#: Share of the electrons from which on it is no density of this molecule.
_TOO_MANY = 0.05


class DensityDifference(NamedTuple):
    """A density minus the promolecule's on a quadrature around the nuclei, in float64.

    Attributes:
        numbers: (n_atoms,) atomic numbers.
        positions: (n_atoms, 3) in Angstrom.
        points: (n_points, 3) in Angstrom, as many for every atom, atom by atom.
        weights: (n_points,) in cubic Angstrom.
        values: (n_points,) in e/Ang^3, whose integral is minus the molecule's charge.
    """

    numbers: Tensor
    positions: Tensor
    points: Tensor
    weights: Tensor
    values: Tensor

    @property
    def electrons(self) -> Tensor:
        """Electrons of the difference that belong to every point (n_points,)."""
        return self.weights * self.values


def density_difference(
    field: FieldAroundAtoms, channel: str | None = None, n_radial: int = N_RADIAL, degree: int = 23
) -> DensityDifference:
    """The difference of a density to the promolecule, for the right number of electrons.

    A density that has a few electrons too many or too few is scaled: its moments would depend on
    the origin otherwise. The right number is that of the protons minus the charge which the atoms
    state (`atoms.info["charge"]`).

    Args:
        field: a field with an electron density.
        channel: name of the channel; may be left out if one channel only is a density.
        n_radial: number of spheres around every atom, see `atom_centered_quadrature`.
        degree: likewise.

    Raises:
        ValueError: if the channel isn't a density, or one of another number of electrons.
    """
    column, per_cubic_angstrom = density_column(field, channel)
    numbers = torch.as_tensor(field.atoms.numbers, device=field.device)
    positions = torch.as_tensor(field.atoms.positions, device=field.device)  # (n_atoms, 3)
    points, weights = atom_centered_quadrature(numbers, positions, n_radial, degree)
    points = points.to(field.dtype)  # (n_points, 3)
    density = field(points)[:, column].double() * per_cubic_angstrom  # (n_points,)
    points = points.double()
    promolecule = PromoleculeDensity().of(field.atoms, dtype=torch.float64, device=field.device)
    free = promolecule(points).squeeze(1)  # (n_points,)
    expected = float(numbers.sum()) - total_charge(field.atoms)
    found = float(numbers.sum()) + float((weights * (density - free)).sum())
    _check_electrons(found, expected)
    scaled = density * (expected / found)
    return DensityDifference(numbers, positions, points, weights, scaled - free)


def density_column(
    field: FieldAroundAtoms, channel: str | None = None, unit: str = "e/Ang^3"
) -> tuple[int, float]:
    """Column of a channel that is an electron density; the only one if none is named.

    Returns:
        The column, and what its values are multiplied by to be in `unit`.

    Raises:
        ValueError: if the channel is something else, or there isn't exactly one density.
    """
    densities = [name for name in field.channels if is_density(field.units[name])]
    if channel is None and len(densities) == 1:
        channel = densities[0]
    column = field.index(channel)
    name = field.channels[column]
    if not is_density(field.units[name]):
        raise ValueError(
            f"channel {name} is in {field.units[name] or 'no unit'}: expected an electron density, "
            f"in {' or '.join(DENSITY_UNITS)}"
        )
    return column, unit_factor(field.units[name], unit)


def _check_electrons(found: float, expected: float) -> None:
    """Tell a density with a wrong number of electrons.

    Raises:
        ValueError: if it is no density of all electrons of this molecule.
    """
    hint = f'the density holds {found:.4g} electrons, expected {expected:g} by atoms.info["charge"]'
    if abs(found - expected) > max(_FEW, _TOO_MANY * expected) or not expected > 0:
        raise ValueError(
            f"{hint}: no density of all electrons of this molecule (a difference, valence "
            "electrons only, or another charge)"
        )
    if abs(found - expected) > _FEW:
        warn(f"{hint}; it is scaled to that", stacklevel=4)
