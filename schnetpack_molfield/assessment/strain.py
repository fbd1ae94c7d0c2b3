"""Strain: the energy that a molecule loses when it relaxes where it is."""

import math
from typing import Any

from ase import Atoms, units

from schnetpack_molfield.checks import optional_import

__all__ = ["mmff_strain", "xtb_strain"]

#: Most steps of a relaxation.
MMFF_STEPS, XTB_STEPS = 500, 200
#: Largest force at the end of a relaxation by xTB, in eV/Angstrom.
XTB_FORCE = 0.05


def mmff_strain(molecule: Any) -> float:
    """Energy above the next minimum by MMFF94, in kcal/mol; NaN if MMFF lacks parameters.

    Args:
        molecule: RDKit's, sanitized, with hydrogens and positions.

    Raises:
        ImportError: if RDKit is missing.
    """
    chem = optional_import("rdkit.Chem", "generation")
    fields = optional_import("rdkit.Chem.rdForceFieldHelpers", "generation")
    relaxed = chem.Mol(molecule)
    with optional_import("rdkit.rdBase", "generation").BlockLogs():
        properties = fields.MMFFGetMoleculeProperties(relaxed)
        field = properties and fields.MMFFGetMoleculeForceField(relaxed, properties)
    if not field:
        return math.nan
    before = field.CalcEnergy()
    field.Minimize(maxIts=MMFF_STEPS)
    return float(before - field.CalcEnergy())


def xtb_strain(atoms: Atoms) -> float:
    """Energy above the next minimum by GFN2-xTB, in kcal/mol; NaN if it doesn't converge.

    Raises:
        ImportError: if tblite is missing.
    """
    from ase.optimize import BFGS

    tblite = optional_import("tblite.ase", "generation")
    relaxed = Atoms(atoms.numbers, atoms.positions)
    relaxed.calc = tblite.TBLite(method="GFN2-xTB", verbosity=0)
    try:
        before = relaxed.get_potential_energy()
        BFGS(relaxed, logfile=None).run(fmax=XTB_FORCE, steps=XTB_STEPS)
        after = relaxed.get_potential_energy()
    except Exception:  # tblite raises errors of its own and of ASE's where xTB doesn't converge
        return math.nan
    return float((before - after) * units.mol / units.kcal)
