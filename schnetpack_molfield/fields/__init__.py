"""Fields: functions of space that belong to molecules, exact ones and any others."""

from schnetpack_molfield.fields.atom_function import AtomBatch, AtomFunction
from schnetpack_molfield.fields.distance import (
    ExactDistance,
    GaussianDistance,
    SignedDistance,
    SmoothDistance,
    SolventExcludedDistance,
    molecular_surface,
)
from schnetpack_molfield.fields.field import Field
from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.fields.molecular_field import MolecularField
from schnetpack_molfield.fields.promolecule import PromoleculeDensity
from schnetpack_molfield.fields.quadrature import add_quadrature, atom_centered_quadrature
from schnetpack_molfield.fields.quantum import QuantumCalculation
from schnetpack_molfield.fields.vector_function import VectorFunction

__all__ = [
    "AtomBatch",
    "AtomFunction",
    "ExactDistance",
    "Field",
    "GaussianDistance",
    "Grid",
    "MolecularField",
    "PromoleculeDensity",
    "QuantumCalculation",
    "SignedDistance",
    "SmoothDistance",
    "SolventExcludedDistance",
    "VectorFunction",
    "add_quadrature",
    "atom_centered_quadrature",
    "molecular_surface",
]
