"""EDM's measure: bonds from tables of lengths, fixed valences (Hoogeboom et al., ICML 2022)."""

from ase import Atoms

from schnetpack_molfield.assessment.bond_lengths import VALENCES, bond_orders
from schnetpack_molfield.assessment.verdict import Verdict, judge_molecule

__all__ = ["judge_by_lengths"]


def judge_by_lengths(atoms: Atoms) -> Verdict:
    """Judge a molecule by EDM's measure.

    An atom is stable if the orders of its bonds sum up to the valence of its element, whatever is
    around it: charges and radicals don't exist. Elements without a valence are never stable.

    Args:
        atoms: the molecule, with its hydrogens.

    Raises:
        ImportError: if RDKit is missing.
    """
    orders = bond_orders(atoms)
    sums = orders.sum(axis=1)  # (n_atoms,)
    symbols = atoms.get_chemical_symbols()
    stable = [int(n) in VALENCES.get(s, ()) for s, n in zip(symbols, sums, strict=True)]
    return judge_molecule(atoms, orders, sum(stable))
