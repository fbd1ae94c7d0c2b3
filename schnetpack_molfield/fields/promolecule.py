"""The promolecule: the sum of the densities of free, spherical, neutral atoms."""

from __future__ import annotations

import math

import ase.data
import torch
from ase.units import Bohr
from torch import Tensor

from schnetpack_molfield.fields.atom_function import AtomBatch, AtomFunction
from schnetpack_molfield.fields.geometry import squared_distances
from schnetpack_molfield.fields.promolecule_table import ATOMIC_GAUSSIANS
from schnetpack_molfield.nn.choices import check_choice

#: Densities per unit of volume: how many of them one electron per cubic Angstrom is.
DENSITY_UNITS = {"e/Ang^3": 1.0, "e/bohr^3": Bohr**3}


class PromoleculeDensity(AtomFunction):
    r"""Electron density of non-interacting atoms, positive and smooth everywhere.

    .. math::
        \rho(x) = \sum_a \sum_k \left(s_k + p_k \tfrac{2}{3} a_k d^2\right)
                  (a_k / \pi)^{3/2} e^{-a_k d^2}, \quad d = |x - r_a|

    The atoms are B3LYP, spherically averaged: 6-31G(2df,p), QM9's level, for H to Ar, def2-TZVP
    for K to Kr. The Gaussians reproduce them to 0.1 % (main group, K and Sc 0.4 %) in the integral
    of the absolute difference and hold exactly Z electrons. `benchmarks/fit_promolecule.py` made
    the table.

    Args:
        units: "e/Ang^3" or "e/bohr^3".
    """

    def __init__(self, units: str = "e/Ang^3") -> None:
        check_choice("density unit", units, list(DENSITY_UNITS))
        self.channels = ["electron_density"]
        self.units = units
        self.shells = _shell_table() * torch.tensor([DENSITY_UNITS[units]] * 2 + [1.0])

    def evaluate(self, points: Tensor, atoms: AtomBatch) -> Tensor:
        """Density (n_molecules, n_points, 1)."""
        _check_tabulated(atoms.numbers)
        squared = squared_distances(points, atoms.positions)  # (B, n_points, n_atoms)
        shells = self.shells.to(points)[:, atoms.numbers].unsqueeze(2)  # (K, B, 1, n_atoms, 3)
        density = sum(
            (s + p * squared) * torch.exp(-a * squared)
            for s, p, a in (shell.unbind(-1) for shell in shells)
        )
        return density.sum(dim=-1, keepdim=True)


def _shell_table() -> Tensor:
    """(n_shells, n_elements, 3) factors of 1 and of d^2, and exponents; in Angstrom.

    Elements with fewer shells are filled up with zeros.
    """
    n_shells = max(len(rows) for rows in ATOMIC_GAUSSIANS.values())
    table = torch.zeros(n_shells, max(ATOMIC_GAUSSIANS) + 1, 3, dtype=torch.float64)
    for number, rows in ATOMIC_GAUSSIANS.items():
        s, p, exponent = torch.tensor(rows, dtype=torch.float64).unbind(1)
        exponent = exponent / Bohr**2
        norm = (exponent / math.pi) ** 1.5
        table[: len(rows), number] = torch.stack(
            [s * norm, p * norm * 2 * exponent / 3, exponent], dim=1
        )
    return table


def _check_tabulated(numbers: Tensor) -> None:
    """Raise ValueError for an element without an atomic density."""
    heaviest = int(numbers.max())
    if heaviest > max(ATOMIC_GAUSSIANS):
        raise ValueError(
            f"no atomic density is tabulated for {ase.data.chemical_symbols[heaviest]}; "
            f"the table ends at {ase.data.chemical_symbols[max(ATOMIC_GAUSSIANS)]}"
        )
