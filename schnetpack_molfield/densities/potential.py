"""The electrostatic potential of a density and its nuclei, and its electric field."""

from __future__ import annotations

import torch
from torch import Tensor

from schnetpack_molfield.densities.difference import N_RADIAL
from schnetpack_molfield.densities.field_like import field_like
from schnetpack_molfield.densities.poisson import MultipolePotential
from schnetpack_molfield.densities.promolecule_potential import PromoleculePotential
from schnetpack_molfield.densities.units import COULOMB
from schnetpack_molfield.fields.derivatives import channel_gradient
from schnetpack_molfield.fields.electronic import ElectronicField
from schnetpack_molfield.fields.molecular_field import MolecularField

__all__ = ["electric_field", "electrostatic_potential"]


def electrostatic_potential(field: ElectronicField, channel: str | None = None) -> MolecularField:
    """Potential in V of nuclei and electrons, infinite at the nuclei.

    The promolecule's is exact, that of the difference to it solves Poisson's equation by multipoles
    up to degree 10 around every atom: for a calculated density of ethanol it is right within 5 mV.

    Args:
        field: a field with an electron density.
        channel: name of the channel; may be left out if one channel only is a density.

    Raises:
        ValueError: if the channel isn't a density of all electrons of the molecule.
    """
    difference = field.difference(channel)
    numbers, positions, points = difference.numbers, difference.positions, difference.points
    change = MultipolePotential(numbers, positions, points, difference.electrons, N_RADIAL)
    free = PromoleculePotential().of(field.atoms, dtype=torch.float64, device=field.device)

    def evaluate(points: Tensor) -> Tensor:
        exact = points.double()
        values = free.evaluate(exact) - COULOMB * change(exact).unsqueeze(1)  # (n_points, 1)
        return values.to(points)

    return field_like(field, evaluate, ["electrostatic_potential"], "V", change.block_size)


def electric_field(field: ElectronicField, channel: str | None = None) -> MolecularField:
    """Minus the gradient of the potential, in V/Ang, with channels for x, y and z.

    Arguments and errors are those of `electrostatic_potential`.
    """
    potential = electrostatic_potential(field, channel)

    def evaluate(points: Tensor) -> Tensor:
        return -channel_gradient(potential.evaluate, points)[:, 0]  # (n_points, 3)

    names = [f"electric_field_{axis}" for axis in "xyz"]
    return field_like(field, evaluate, names, "V/Ang", max(1, potential.block_size // 4))
