"""Electron density, electrostatic potential and orbitals of a PySCF calculation (extra `qm`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement, product
from typing import Any
from warnings import warn

import numpy as np
import torch
from ase import Atoms
from ase.units import Bohr, Hartree
from torch import Tensor

from schnetpack_molfield.checks import check_atoms, optional_import
from schnetpack_molfield.fields.geometry import distances
from schnetpack_molfield.fields.molecular_field import MolecularField
from schnetpack_molfield.fields.molecule import total_charge
from schnetpack_molfield.progress import steps

__all__ = ["QuantumCalculation", "pyscf_molecule"]

#: Numbers per block: points times pairs of basis functions (potential) or derivatives (orbitals).
_BLOCK = 2**23


class QuantumCalculation:
    """Fields of a converged mean-field calculation, in float64 on the CPU.

    Densities and orbitals can be differentiated four times in the points, the potential twice;
    none of them in the atom positions.

    Example:
        >>> calculation = QuantumCalculation.run(ase.build.molecule("H2O"))
        >>> calculation.density().to_cube("rho.cube")
        >>> calculation.orbitals(["HOMO", "LUMO"]).render("homo.png", channel="HOMO", level=0.1)

    Args:
        mean_field: a converged PySCF object of a restricted or unrestricted Hartree-Fock or
            Kohn-Sham class, for molecules. Ghost atoms bring basis functions and are left out of
            `atoms`; electrons of a pseudopotential are in no density.

    Raises:
        TypeError: if it is an object of another class.
        ValueError: if it hasn't been run or hasn't converged.
    """

    def __init__(self, mean_field: Any) -> None:
        optional_import("pyscf", "qm")
        _check_mean_field(mean_field)
        self.mean_field = mean_field
        self.mol = mean_field.mol
        self.is_atom = self.mol.atom_charges() > 0  # (n_centers,) False for ghosts
        symbols = np.array(self.mol.elements)[self.is_atom]
        self.atoms = Atoms(symbols, self.mol.atom_coords(unit="Angstrom")[self.is_atom])
        self.atoms.info["charge"] = self.mol.charge

    @classmethod
    def run(
        cls,
        atoms: Atoms,
        xc: str = "b3lyp",
        basis: str = "6-31g(2df,p)",
        charge: int | None = None,
        spin: int = 0,
    ) -> QuantumCalculation:
        """Run a Kohn-Sham calculation; the defaults are QM9's level.

        Args:
            atoms: the molecule.
            xc: functional, by PySCF's name.
            basis: basis set, by PySCF's name.
            charge: in units of e; `atoms.info["charge"]`, or 0 without it, if None.
            spin: number of unpaired electrons.

        Raises:
            RuntimeError: if the calculation does not converge.
        """
        check_atoms(atoms)
        mol = pyscf_molecule(atoms, basis, charge, spin)
        mean_field = optional_import("pyscf.dft", "qm").KS(mol, xc=xc)
        with steps(f"cycles of {xc}/{basis}") as step:
            mean_field.callback = lambda variables: step()
            mean_field.kernel()
        if not mean_field.converged:
            raise RuntimeError(f"the {xc}/{basis} calculation of {atoms.symbols} did not converge")
        return cls(mean_field)

    def density(self) -> MolecularField:
        """Electron density in e/Ang^3, both spins together."""
        density_matrix = self._density_matrix()
        if n_core := int((self.atoms.numbers - self.mol.atom_charges()[self.is_atom]).sum()):
            warn(f"the density lacks {n_core} electrons of pseudopotentials", stacklevel=2)

        def evaluate(points: Tensor) -> Tensor:
            orbitals = _AtomicOrbitals.apply(points / Bohr, self.mol, 0)  # (n_points, n_ao)
            density = ((orbitals @ density_matrix) * orbitals).sum(dim=-1, keepdim=True)
            return density / Bohr**3  # (n_points, 1)

        return self._field(evaluate, ["electron_density"], "e/Ang^3", numbers_per_point=9)

    def orbitals(self, names: Sequence[str | int] = ("HOMO", "LUMO")) -> MolecularField:
        """Molecular orbitals in 1/Ang^1.5, alpha ones if they depend on spin.

        Args:
            names: "HOMO", "LUMO", "HOMO-1", "LUMO+2" ..., or indices from 0; one channel each.
        """
        coefficients, occupations = self.mean_field.mo_coeff, self.mean_field.mo_occ
        if isinstance(self.mean_field, _unrestricted()):
            coefficients, occupations = coefficients[0], occupations[0]
        columns = [_orbital_index(name, occupations) for name in names]
        chosen = torch.tensor(coefficients[:, columns])  # (n_ao, n)

        def evaluate(points: Tensor) -> Tensor:
            orbitals = _AtomicOrbitals.apply(points / Bohr, self.mol, 0)  # (n_points, n_ao)
            return orbitals @ chosen / Bohr**1.5

        return self._field(evaluate, [str(name) for name in names], "1/Ang^1.5", 9)

    def potential(self) -> MolecularField:
        """Electrostatic potential of nuclei and electrons in V, infinite at the nuclei."""
        charges = torch.tensor(self.mol.atom_charges()[self.is_atom], dtype=torch.float64)
        nuclei = torch.tensor(self.mol.atom_coords()[self.is_atom])  # (n_atoms, 3) bohr
        density_matrix = self._density_matrix()

        def evaluate(points: Tensor) -> Tensor:
            of_nuclei = (charges / distances(points / Bohr, nuclei)).sum(dim=-1)
            of_electrons = _ElectronPotential.apply(points / Bohr, self.mol, density_matrix, 0)
            return ((of_nuclei - of_electrons) * Hartree).unsqueeze(-1)  # (n_points, 1)

        return self._field(evaluate, ["electrostatic_potential"], "V", 9 * self.mol.nao)

    def _density_matrix(self) -> Tensor:
        """(n_ao, n_ao), both spins together."""
        matrix = np.asarray(self.mean_field.make_rdm1())
        return torch.tensor(matrix.sum(axis=0) if matrix.ndim == 3 else matrix)

    def _field(
        self,
        evaluate: Callable[[Tensor], Tensor],
        channels: list[str],
        units: str,
        numbers_per_point: int,
    ) -> MolecularField:
        """A field whose blocks of points need `numbers_per_point` per basis function."""
        block_size = max(1, _BLOCK // (numbers_per_point * self.mol.nao))
        return MolecularField(
            evaluate, self.atoms, channels, units, dtype=torch.float64, block_size=block_size
        )


def pyscf_molecule(atoms: Atoms, basis: str, charge: int | None = None, spin: int = 0) -> Any:
    """PySCF's molecule of these atoms.

    Args:
        atoms: the molecule.
        basis: basis set, by PySCF's name.
        charge: in units of e; `total_charge` of the atoms if None.
        spin: number of unpaired electrons.
    """
    gto = optional_import("pyscf.gto", "qm")
    charge = total_charge(atoms) if charge is None else charge
    geometry = list(zip(atoms.symbols, atoms.positions.tolist(), strict=True))
    return gto.M(atom=geometry, unit="Angstrom", basis=basis, charge=charge, spin=spin, verbose=0)


def _unrestricted() -> type:
    return optional_import("pyscf.scf", "qm").uhf.UHF


def _check_mean_field(mean_field: Any) -> None:
    """Raise unless it is a converged calculation of one molecule by real orbitals."""
    scf, name = optional_import("pyscf.scf", "qm"), type(mean_field).__name__
    if not isinstance(mean_field, scf.hf.RHF | scf.uhf.UHF):
        raise TypeError(
            f"fields are of RHF, ROHF, UHF, RKS, ROKS and UKS of molecules, got {name}; hand in "
            "the mean field of a correlated method, and convert others by to_uhf() or to_uks()"
        )
    if mean_field.mo_coeff is None:
        raise ValueError("the PySCF calculation has not been run; call its kernel() first")
    if not mean_field.converged:
        raise ValueError(
            f"the PySCF calculation ({name}) has not converged; raise its max_cycle or try "
            "newton(), and call its kernel() again"
        )
    if np.iscomplexobj(mean_field.mo_coeff[0]):
        raise TypeError(f"the orbitals of this {name} are complex; expected real ones")


class _AtomicOrbitals(torch.autograd.Function):
    """Derivatives of a given order of the atomic orbitals, whose derivative is the next order."""

    @staticmethod
    def forward(ctx: Any, points: Tensor, mol: Any, order: int) -> Tensor:
        """(n_points, n_ao, 3, ..., 3), one axis per order, from points (n_points, 3) in bohr."""
        ctx.save_for_backward(points)
        ctx.mol, ctx.order = mol, order
        name = "GTOval_cart" if mol.cart else "GTOval_sph"
        name = f"{name}_deriv{order}" if order else name
        packed = mol.eval_gto(name, points.detach().numpy())
        packed = packed.reshape(-1, *packed.shape[-2:])  # (n_derivatives, n_points, n_ao)
        distinct = list(combinations_with_replacement(range(3), order))
        unpack = [distinct.index(tuple(sorted(axes))) for axes in product(range(3), repeat=order)]
        full = torch.as_tensor(packed[-len(distinct) :])[unpack]
        return full.permute(1, 2, 0).reshape(len(points), -1, *[3] * order).contiguous()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Chain rule with the derivatives of the next order."""
        (points,) = ctx.saved_tensors
        following = _AtomicOrbitals.apply(points, ctx.mol, ctx.order + 1)
        return (gradient.unsqueeze(-1) * following).flatten(1, -2).sum(dim=1), None, None


class _ElectronPotential(torch.autograd.Function):
    """Derivatives of order 0 to 2 of the Coulomb potential of the electrons, in atomic units."""

    @staticmethod
    def forward(ctx: Any, points: Tensor, mol: Any, density_matrix: Tensor, order: int) -> Tensor:
        """(n_points, 3, ..., 3), one axis per order, from points (n_points, 3) in bohr."""
        ctx.save_for_backward(points)
        ctx.mol, ctx.density_matrix, ctx.order = mol, density_matrix, order
        integrals = _coulomb_integrals(mol, points.detach().numpy(), order)
        derivatives = torch.einsum("pijk,ij->pk", torch.as_tensor(integrals), density_matrix)
        return derivatives.reshape(len(points), *[3] * order)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """Chain rule with the derivatives of the next order."""
        (points,) = ctx.saved_tensors
        following = _ElectronPotential.apply(points, ctx.mol, ctx.density_matrix, ctx.order + 1)
        product = gradient.unsqueeze(-1) * following  # (n_points, 3, ..., 3)
        return product.reshape(len(points), -1, 3).sum(dim=1), None, None, None


def _coulomb_integrals(mol: Any, points: np.ndarray, order: int) -> np.ndarray:
    """(n_points, n_ao, n_ao, 3^order), up to a transposition of the basis functions.

    The derivative by a point is the sum of those by the electron in both basis functions.
    """
    if order == 0:
        return mol.intor("int1e_grids", grids=points)[..., None]
    if order == 1:
        return 2 * np.moveaxis(mol.intor("int1e_grids_ip", grids=points), 0, -1)
    if order > 2:
        raise NotImplementedError("the potential can be differentiated only twice")
    df = optional_import("pyscf.df.incore", "qm")
    charges = optional_import("pyscf.gto", "qm").fakemol_for_charges(points)
    both, one_each = (
        df.aux_e2(mol, charges, name, aosym="s1", comp=9)  # (9, n_ao, n_ao, n_points)
        for name in ("int3c2e_ipip1", "int3c2e_ipvip1")
    )
    return np.moveaxis(2 * (both + one_each), (0, 3), (3, 0))


def _orbital_index(name: str | int, occupations: np.ndarray) -> int:
    """Column of an orbital by name or index.

    Raises:
        ValueError: if the name can't be read or there is no such orbital.
    """
    homo = int(np.flatnonzero(occupations > 0.5).max(initial=-1))  # smeared ones have a tail
    match = re.fullmatch(r"(HOMO|LUMO)([+-]\d+)?", str(name), flags=re.IGNORECASE)
    if match:
        index = homo + (match[1].upper() == "LUMO") + int(match[2] or 0)
    elif str(name).isdigit():
        index = int(name)
    else:
        raise ValueError(f"unknown orbital {name!r}; use HOMO, LUMO, HOMO-1, LUMO+2 or an index")
    if not 0 <= index < len(occupations):
        raise ValueError(f"there is no orbital {name}: {len(occupations)} orbitals were computed")
    return index
