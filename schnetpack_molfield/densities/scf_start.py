"""A start for self-consistent fields of PySCF: the orbitals in the potential of a density."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from ase.units import Bohr

from schnetpack_molfield.checks import optional_import
from schnetpack_molfield.densities.difference import density_column
from schnetpack_molfield.densities.units import COULOMB
from schnetpack_molfield.fields.electronic import ElectronicField
from schnetpack_molfield.fields.geometry import distances
from schnetpack_molfield.fields.molecule import total_charge

__all__ = ["density_matrix_of"]

#: Local exchange and correlation, which need nothing but the density.
_LOCAL = "lda,vwn"

#: Level of PySCF's grid, coarse: the first iteration mends what it misses.
_GRID_LEVEL = 1

#: Angstrom within which an atom of PySCF's molecule is one of the field's.
_SAME_PLACE = 1e-3


def density_matrix_of(field: ElectronicField, mol: Any, channel: str | None = None) -> np.ndarray:
    """Density matrix of the orbitals in the local Kohn-Sham potential of a density.

    The nuclei act by analytic integrals, the density's Coulomb potential and local exchange and
    correlation by a sum over PySCF's grid.

    Args:
        field: a field with an electron density of all electrons.
        mol: PySCF's molecule, with the same atoms in the same order, in any basis.
        channel: name of the density; may be left out if one channel only is one.

    Returns:
        (n_ao, n_ao), or (2, n_ao, n_ao) for both spins if some electrons are unpaired.

    Raises:
        ValueError: if the molecule has other atoms or another charge.
    """
    _check_molecule(field, mol)
    dft, scf = optional_import("pyscf.dft", "qm"), optional_import("pyscf.scf", "qm")
    grids = dft.gen_grid.Grids(mol)
    grids.level = _GRID_LEVEL
    grids.build(with_non0tab=False)
    potential = _potential(field, grids.coords, channel)  # (n_points,) Hartree
    orbitals = dft.numint.eval_ao(mol, grids.coords)  # (n_points, n_ao)
    core = scf.hf.get_hcore(mol)
    fock = core + orbitals.T @ (orbitals * (grids.weights * potential)[:, None])
    _, coefficients = scf.hf.eig(fock, mol.intor_symmetric("int1e_ovlp"))
    spins = [coefficients[:, :n] @ coefficients[:, :n].T for n in mol.nelec]
    return np.stack(spins) if mol.spin else spins[0] + spins[1]


def _potential(field: ElectronicField, points: np.ndarray, channel: str | None) -> np.ndarray:
    """Coulomb, exchange and correlation potential (n_points,) at points (n_points, 3), all a.u."""
    column, per_bohr = density_column(field, channel, "e/bohr^3")
    asked = torch.from_numpy(points * Bohr)  # (n_points, 3)
    density = field(asked)[:, column].double().numpy(force=True) * per_bohr
    nuclei = torch.as_tensor(field.atoms.positions)
    charges = torch.as_tensor(field.atoms.numbers).double()
    of_nuclei = COULOMB * (charges / distances(asked, nuclei)).sum(dim=1)  # (n_points,) V
    of_all = field.potential(asked, channel).double().cpu()
    repulsion = (of_nuclei - of_all).numpy() * (Bohr / COULOMB)  # (n_points,) Hartree
    numint = optional_import("pyscf.dft.libxc", "qm")
    local = numint.eval_xc(_LOCAL, density.clip(min=0), deriv=1)[1][0]
    return repulsion + local


def _check_molecule(field: ElectronicField, mol: Any) -> None:
    """Raise ValueError unless PySCF's molecule is the field's."""
    numbers = mol.atom_charges()
    if not np.array_equal(numbers, field.atoms.numbers):
        raise ValueError(
            f"PySCF's molecule has the nuclear charges {numbers.tolist()}, the field's atoms "
            f"{field.atoms.symbols}: expected the same in the same order, all electrons"
        )
    apart = np.abs(mol.atom_coords(unit="Angstrom") - field.atoms.positions).max()
    if apart > _SAME_PLACE:
        raise ValueError(f"PySCF's molecule and the field's differ by up to {apart:.3g} Angstrom")
    charge = total_charge(field.atoms)
    if mol.charge != charge:
        raise ValueError(f"PySCF's molecule has charge {mol.charge}, the field's {charge}")
