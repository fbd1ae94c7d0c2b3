"""What a measure says of one molecule, and of many."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms

from schnetpack_molfield.checks import optional_import

__all__ = ["Scores", "Verdict", "judge_molecule", "score"]


@dataclass(frozen=True)
class Verdict:
    """What a measure says of one molecule.

    Attributes:
        n_atoms: number of atoms.
        n_stable: how many of them have an allowed valence.
        n_fragments: number of molecules that aren't bonded to each other.
        smiles: canonical SMILES of the largest fragment; None if RDKit can't sanitize the bonds.
        molecule: RDKit's molecule with the bonds of the measure and its positions; None likewise.
    """

    n_atoms: int
    n_stable: int
    n_fragments: int
    smiles: str | None
    molecule: Any = field(default=None, repr=False, compare=False)

    @property
    def is_stable(self) -> bool:
        """Whether all atoms are."""
        return self.n_stable == self.n_atoms


@dataclass(frozen=True)
class Scores:
    """The usual figures of a measure, in percent.

    Attributes:
        atom_stable: atoms with an allowed valence.
        molecule_stable: molecules with nothing but such atoms.
        valid: molecules whose bonds RDKit can sanitize.
        unique: different ones among the valid, by their largest fragment.
        valid_unique: valid and unique, of all.
        novel: of the different valid ones, those that the reference doesn't have; NaN without.
        fragmented: molecules in several pieces.
    """

    atom_stable: float
    molecule_stable: float
    valid: float
    unique: float
    valid_unique: float
    novel: float
    fragmented: float


def score(
    verdicts: Sequence[Verdict], n_unreadable: int = 0, known: set[str] | None = None
) -> Scores:
    """Count what a measure said of many molecules.

    Args:
        verdicts: of those that could be read, at least one.
        n_unreadable: entries that couldn't; neither stable nor valid.
        known: SMILES of the reference by the same measure; None if there is none.
    """
    n_all = len(verdicts) + n_unreadable
    valid = [verdict.smiles for verdict in verdicts if verdict.smiles is not None]
    different = set(valid)
    novel = float("nan") if known is None else _percent(len(different - known), len(different))
    n_stable = sum(verdict.n_stable for verdict in verdicts)
    return Scores(
        atom_stable=_percent(n_stable, sum(verdict.n_atoms for verdict in verdicts)),
        molecule_stable=_percent(sum(verdict.is_stable for verdict in verdicts), n_all),
        valid=_percent(len(valid), n_all),
        unique=_percent(len(different), len(valid)),
        valid_unique=_percent(len(different), n_all),
        novel=novel,
        fragmented=_percent(sum(verdict.n_fragments > 1 for verdict in verdicts), len(verdicts)),
    )


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else float("nan")


def judge_molecule(
    atoms: Atoms, orders: np.ndarray, n_stable: int, charges: Sequence[int] | None = None
) -> Verdict:
    """Let RDKit judge bonds that a measure has found.

    Args:
        atoms: the molecule.
        orders: of its bonds, (n_atoms, n_atoms).
        n_stable: number of atoms with an allowed valence.
        charges: formal charges; None if there are none.
    """
    chem = optional_import("rdkit.Chem", "generation")
    molecule = _rdkit_molecule(atoms, orders, charges)
    with optional_import("rdkit.rdBase", "generation").BlockLogs():
        n_fragments = len(chem.GetMolFrags(molecule))
        try:
            chem.SanitizeMol(molecule)
            smiles = chem.MolToSmiles(_largest_fragment(molecule, n_fragments))
        except ValueError:  # RDKit's own errors of sanitization are such
            return Verdict(len(atoms), n_stable, n_fragments, None)
    return Verdict(len(atoms), n_stable, n_fragments, smiles, molecule)


def _largest_fragment(molecule: Any, n_fragments: int) -> Any:
    if n_fragments == 1:
        return molecule
    fragments = optional_import("rdkit.Chem", "generation").GetMolFrags(molecule, asMols=True)
    return max(fragments, key=lambda fragment: fragment.GetNumAtoms())


def _rdkit_molecule(atoms: Atoms, orders: np.ndarray, charges: Sequence[int] | None) -> Any:
    """An RDKit molecule that isn't sanitized yet."""
    chem = optional_import("rdkit.Chem", "generation")
    types = (None, chem.BondType.SINGLE, chem.BondType.DOUBLE, chem.BondType.TRIPLE)
    molecule = chem.RWMol()
    for number in atoms.numbers:
        molecule.AddAtom(chem.Atom(int(number)))
    for index, charge in enumerate(charges or ()):
        molecule.GetAtomWithIdx(index).SetFormalCharge(charge)
    for i, j in np.argwhere(np.triu(orders)):
        molecule.AddBond(int(i), int(j), types[min(int(orders[i, j]), 3)])
    conformer = chem.Conformer(len(atoms))
    conformer.SetPositions(np.array(atoms.positions, dtype=float))
    molecule.AddConformer(conformer)
    return molecule.GetMol()
