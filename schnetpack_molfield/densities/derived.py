"""Names of the fields that follow from a density.

To add one write a function from a field and the name of its density to a field, and register it.
"""

from __future__ import annotations

from collections.abc import Callable

from schnetpack_molfield.densities.local import (
    contacts,
    deformation_density,
    density_laplacian,
    reduced_gradient,
    signed_density,
)
from schnetpack_molfield.densities.potential import electric_field, electrostatic_potential
from schnetpack_molfield.fields.electronic import ElectronicField
from schnetpack_molfield.fields.molecular_field import MolecularField

__all__ = ["DERIVED"]

DERIVED: dict[str, Callable[[ElectronicField, str | None], MolecularField]] = {
    "esp": electrostatic_potential,
    "electric_field": electric_field,
    "laplacian": density_laplacian,
    "reduced_gradient": reduced_gradient,
    "contacts": contacts,
    "signed_density": signed_density,
    "deformation": deformation_density,
}
