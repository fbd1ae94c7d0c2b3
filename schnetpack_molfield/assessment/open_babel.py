"""OpenBabel's measure: bonds and charges as OpenBabel perceives them (VoxMol, FuncMol, CORDS)."""

from typing import Any

import numpy as np
from ase import Atoms

from schnetpack_molfield.assessment.verdict import Verdict, judge_molecule
from schnetpack_molfield.checks import optional_import

__all__ = ["judge_by_openbabel"]

#: Sums of bond orders that an atom may have, by formal charge: the table of MiDi (Vignac et al.,
#: 2023, arXiv:2302.09048), which the papers with OpenBabel's bonds count by.
VALENCES: dict[str, dict[int, tuple[int, ...]]] = {
    "H": {0: (1,), 1: (0,), -1: (0,)},
    "B": {0: (3,)},
    "C": {0: (3, 4), 1: (3,), -1: (3,)},
    "N": {0: (2, 3), 1: (2, 3, 4), -1: (2,)},
    "O": {0: (2,), 1: (3,), -1: (1,)},
    "F": {0: (1,), -1: (0,)},
    "Al": {0: (3,)},
    "Si": {0: (4,)},
    "P": {0: (3, 5), 1: (4,)},
    "S": {0: (2, 6), 1: (2, 3), 2: (4,), 3: (5,), -1: (3,)},
    "Cl": {0: (1,)},
    "As": {0: (3,)},
    "Br": {0: (1,), 1: (2,)},
    "I": {0: (1,)},
}


def judge_by_openbabel(atoms: Atoms) -> Verdict:
    """Judge a molecule by the bonds that OpenBabel perceives, in its Kekule structure.

    Args:
        atoms: the molecule, with its hydrogens.

    Raises:
        ImportError: if OpenBabel or RDKit is missing.
    """
    perceived = _perceived(atoms)
    orders = np.zeros((len(atoms), len(atoms)), dtype=int)
    for n in range(perceived.NumBonds()):
        bond = perceived.GetBond(n)
        i, j = bond.GetBeginAtomIdx() - 1, bond.GetEndAtomIdx() - 1
        orders[i, j] = orders[j, i] = bond.GetBondOrder()
    charges = [perceived.GetAtom(n + 1).GetFormalCharge() for n in range(len(atoms))]
    allowed = [
        VALENCES.get(symbol, {}).get(charge, ())
        for symbol, charge in zip(atoms.get_chemical_symbols(), charges, strict=True)
    ]
    sums = orders.sum(axis=1).tolist()
    n_stable = sum(n in valences for n, valences in zip(sums, allowed, strict=True))
    return judge_molecule(atoms, orders, n_stable, charges)


def _perceived(atoms: Atoms) -> Any:
    """OpenBabel's molecule of the atoms, with bonds."""
    openbabel = optional_import("openbabel.openbabel", "generation")
    openbabel.obErrorLog.SetOutputLevel(0)
    molecule = openbabel.OBMol()
    molecule.BeginModify()
    for number, position in zip(atoms.numbers, atoms.positions, strict=True):
        atom = molecule.NewAtom()
        atom.SetAtomicNum(int(number))
        atom.SetVector(*map(float, position))
    molecule.EndModify()
    molecule.ConnectTheDots()
    molecule.PerceiveBondOrders()
    return molecule
