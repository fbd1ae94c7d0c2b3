"""Differences between two answers of a potential, by molecule."""

import math
from collections.abc import Sequence

import torch

from schnetpack_molfield.testing.potential import Outputs

__all__ = ["Errors", "largest", "output_errors", "per_molecule"]

#: Absolute error by case, for example by molecule.
Errors = dict[str, float]


def largest(values: torch.Tensor) -> float:
    """Largest absolute value, NaN if there is one, 0 of nothing."""
    return float(values.detach().abs().max()) if values.numel() else 0.0


def per_molecule(
    names: Sequence[str],
    values: torch.Tensor,  # (n_atoms, ...)
    n_atoms: torch.Tensor,  # (n_molecules,)
) -> Errors:
    """Largest absolute value among the atoms of each molecule."""
    parts = values.split(n_atoms.tolist())
    return {name: largest(part) for name, part in zip(names, parts, strict=True)}


def output_errors(names: Sequence[str], expected: Outputs, actual: Outputs) -> Errors:
    """Largest of the error of the energy per atom and of the force components, by molecule.

    Errors are relative to the larger of 1 eV and the energy per atom, which holds the constant that
    untrained weights give every atom, and of 1 eV/Angstrom and the largest force of the molecule.

    Args:
        names: of the molecules.
        expected: the right answer.
        actual: the answer under test, for the same atoms.
    """
    per_atom = (expected.energy / expected.n_atoms).abs().clamp_min(1.0)
    energy = ((actual.energy - expected.energy) / expected.n_atoms / per_atom).tolist()
    forces = per_molecule(names, actual.forces - expected.forces, expected.n_atoms)
    scales = per_molecule(names, expected.forces, expected.n_atoms)
    return {
        name: _worse(abs(error), forces[name] / max(1.0, scales[name]))
        for name, error in zip(names, energy, strict=True)
    }


def _worse(a: float, b: float) -> float:
    """Like max, but NaN wins."""
    return math.nan if math.isnan(a) or math.isnan(b) else max(a, b)
