"""The electrostatic potential of free atoms, in closed form."""

from __future__ import annotations

import math

import torch
from ase.units import Bohr
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from schnetpack_molfield.densities.units import COULOMB
from schnetpack_molfield.fields.atom_function import AtomBatch, AtomFunction
from schnetpack_molfield.fields.geometry import distances
from schnetpack_molfield.fields.promolecule import HEAVIEST, atomic_gaussians, check_tabulated

__all__ = ["PromoleculePotential"]


class PromoleculePotential(AtomFunction):
    r"""Potential of the nuclei and electrons of `PromoleculeDensity`, positive everywhere.

    .. math::
        \phi(x) = k \sum_a \sum_k (s_k + p_k) \frac{\mathrm{erfc}(\sqrt{a_k} d)}{d}
                  + \tfrac{2}{3} p_k \sqrt{a_k / \pi} \, e^{-a_k d^2}, \quad d = |x - r_a|

    The electrons of an atom cancel its nucleus, so that nothing but what penetrates is left. It is
    infinite at the nuclei.
    """

    channels = ["electrostatic_potential"]
    units = "V"

    def __init__(self) -> None:
        gaussians = atomic_gaussians()
        rows = [gaussians.get(z, torch.zeros(0, 3)).double() for z in range(HEAVIEST + 1)]
        self.shells = pad_sequence(rows)  # (n_shells, n_elements, 3)
        self.shells[..., 2] /= Bohr**2

    def evaluate(self, points: Tensor, atoms: AtomBatch) -> Tensor:
        """Potential (n_molecules, n_points, 1)."""
        check_tabulated(atoms.numbers)
        gaps = distances(points, atoms.positions)  # (B, n_points, n_atoms)
        shells = self.shells.to(points)[:, atoms.numbers]  # (n_shells, B, n_atoms, 3)
        potential = 0 * gaps
        for shell in shells.unsqueeze(2):
            s, p, a = shell.unbind(-1)  # (B, 1, n_atoms) each
            near = p * (a / math.pi).sqrt() * torch.exp(-a * gaps.square()) * 2 / 3
            potential = potential + (s + p) * torch.erfc(a.sqrt() * gaps) / gaps + near
        return COULOMB * potential.sum(dim=-1, keepdim=True)
