"""The promolecule: the sum of the densities of free, spherical, neutral atoms."""

from __future__ import annotations

import math
from importlib.resources import files

import ase.data
import numpy as np
import torch
from ase.units import Bohr
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from schnetpack_molfield.checks import check_choice
from schnetpack_molfield.fields.atom_function import AtomBatch, AtomFunction
from schnetpack_molfield.fields.geometry import squared_distances

__all__ = ["DENSITY_UNITS", "HEAVIEST", "PromoleculeDensity", "atomic_gaussians", "check_tabulated"]

#: Densities per unit of volume: how many of them one electron per cubic Angstrom is.
DENSITY_UNITS = {"e/Ang^3": 1.0, "e/bohr^3": Bohr**3}

#: Largest atomic number in the table of atomic densities, krypton.
HEAVIEST = 36


class PromoleculeDensity(AtomFunction):
    r"""Electron density of non-interacting atoms, positive and smooth everywhere.

    .. math::
        \rho(x) = \sum_a \sum_k \left(s_k + p_k \tfrac{2}{3} a_k d^2\right)
                  (a_k / \pi)^{3/2} e^{-a_k d^2}, \quad d = |x - r_a|

    The atoms are B3LYP, spherically averaged: 6-31G(2df,p), QM9's level, for H to Ar, def2-TZVP
    for K to Kr. The Gaussians reproduce them to 0.1 % (main group, K and Sc 0.4 %) in the integral
    of the absolute difference and hold exactly Z electrons. `benchmarks/fit_promolecule.py` made
    the table.

    The core is what of the steepest Gaussians holds the electrons of the noble gas before the
    element, and the valence density the rest; both are positive, and a hydrogen has no core.

    Args:
        units: "e/Ang^3" or "e/bohr^3".
        electrons: "all", "core" or "valence".
    """

    def __init__(self, units: str = "e/Ang^3", electrons: str = "all") -> None:
        check_choice("density unit", units, list(DENSITY_UNITS))
        check_choice("kind of electrons", electrons, ["all", "core", "valence"])
        self.channels = ["electron_density"]
        self.units = units
        self.shells, self.n_shells = _shell_table(electrons)
        self.shells *= torch.tensor([DENSITY_UNITS[units]] * 2 + [1.0])

    def evaluate(self, points: Tensor, atoms: AtomBatch) -> Tensor:
        """Density (n_molecules, n_points, 1)."""
        check_tabulated(atoms.numbers)
        squared = squared_distances(points, atoms.positions)  # (B, n_points, n_atoms)
        n_shells = int(self.n_shells[atoms.numbers.cpu()].max())
        shells = self.shells[:n_shells].to(points)[:, atoms.numbers]  # (K, B, n_atoms, 3)
        density = 0 * squared
        for shell in shells.unsqueeze(2):
            s, p, a = shell.unbind(-1)  # (B, 1, n_atoms) each
            density = density + (s + p * squared) * torch.exp(-a * squared)
        return density.sum(dim=-1, keepdim=True)


def atomic_gaussians() -> dict[int, Tensor]:
    """Rows (n_shells, 3) of every atomic number: s and p population, exponent in 1/bohr^2."""
    with files("schnetpack_molfield.fields").joinpath("promolecule.csv").open() as file:
        table = torch.as_tensor(np.loadtxt(file, delimiter=","))  # (n_rows, 4)
    return {z: table[table[:, 0] == z, 1:] for z in range(1, HEAVIEST + 1)}


def _shell_table(electrons: str) -> tuple[Tensor, Tensor]:
    """Shells of all elements, filled up with zeros, and how many each of them has.

    Returns:
        (n_shells, n_elements, 3) factors of 1 and of d^2, and exponents, in Angstrom;
        (n_elements,).
    """
    shells = [torch.zeros(0, 3, dtype=torch.float64)] * (HEAVIEST + 1)
    for number, rows in atomic_gaussians().items():
        s, p, exponent = rows.unbind(1)
        share = _share(s + p, number, electrons)
        exponent = exponent / Bohr**2
        norm = share * (exponent / math.pi) ** 1.5
        factors = torch.stack([s * norm, p * norm * 2 * exponent / 3, exponent], dim=1)
        shells[number] = factors[share > 0]
    return pad_sequence(shells), torch.tensor([len(rows) for rows in shells])


def _share(populations: Tensor, number: int, electrons: str) -> Tensor:
    """How much of every shell (n_shells,), in the order of their exponents, belongs to them."""
    if electrons == "all":
        return torch.ones_like(populations)
    n_core = max(n for n in (0, 2, 10, 18) if n < number)
    inner = populations.sum() - populations.cumsum(0)  # (n_shells,) electrons in steeper shells
    core = ((n_core - inner) / populations).clamp(0, 1)
    return core if electrons == "core" else 1 - core


def check_tabulated(numbers: Tensor) -> None:
    """Raise ValueError for an element without an atomic density."""
    heaviest = int(numbers.max())
    if heaviest > HEAVIEST:
        raise ValueError(
            f"no atomic density is tabulated for {ase.data.chemical_symbols[heaviest]}; "
            f"the table ends at {ase.data.chemical_symbols[HEAVIEST]}"
        )
