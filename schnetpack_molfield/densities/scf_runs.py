"""Self-consistent calculations from different starts, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from ase import Atoms

from schnetpack_molfield.checks import check_choice, optional_import
from schnetpack_molfield.fields.electronic import ElectronicField
from schnetpack_molfield.fields.quantum import pyscf_molecule
from schnetpack_molfield.progress import watched

__all__ = ["STARTS", "ScfRun", "compare_starts"]

#: PySCF's own starts.
STARTS = ("minao", "atom", "vsap", "huckel", "1e")


class ScfRun(NamedTuple):
    """A calculation.

    Attributes:
        start: name of the start.
        cycles: number of iterations.
        seconds: wall time of start and iterations.
        energy: in Hartree.
        converged: whether it has converged.
    """

    start: str
    cycles: int
    seconds: float
    energy: float
    converged: bool


def compare_starts(
    ask: Callable[[Atoms], ElectronicField],
    atoms: Atoms,
    xc: str = "b3lyp",
    basis: str = "6-31g(2df,p)",
    spin: int = 0,
    starts: Sequence[str] = STARTS[:3],
    tolerance: float = 1e-9,
) -> list[ScfRun]:
    """Calculate a molecule from a learned density and from PySCF's own starts.

    Args:
        ask: makes the field of the density from the atoms; its time counts.
        atoms: the molecule; its charge is in `atoms.info`.
        xc: functional, by PySCF's name.
        basis: basis set, by PySCF's name.
        spin: number of unpaired electrons.
        starts: PySCF's starts to compare with, some of `STARTS`.
        tolerance: of the energy in Hartree, the same for all.

    Raises:
        ValueError: for an unknown start, or a field that isn't of this molecule.
    """
    for start in starts:
        check_choice("start", start, STARTS)
    dft = optional_import("pyscf.dft", "qm")
    mol = pyscf_molecule(atoms, basis, spin=spin)

    def run(start: str) -> ScfRun:
        began, matrix = time.perf_counter(), None
        mean_field = dft.KS(mol, xc=xc)
        mean_field.conv_tol = tolerance
        if start == "model":
            matrix = ask(atoms).to_pyscf_guess(mol)
        else:
            mean_field.init_guess = start
        return _converge(mean_field, start, matrix, began)

    return [run(start) for start in watched(["model", *starts], "calculations")]


def _converge(mean_field: Any, start: str, matrix: np.ndarray | None, began: float) -> ScfRun:
    cycles = 0

    def count(_: dict[str, Any]) -> None:
        nonlocal cycles
        cycles += 1

    mean_field.callback = count
    energy = float(mean_field.kernel(dm0=matrix))
    seconds = time.perf_counter() - began
    return ScfRun(start, cycles, seconds, energy, bool(mean_field.converged))
