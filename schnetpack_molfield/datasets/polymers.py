"""Which residues are part of a protein or a nucleic acid: by bonds, not by names alone."""

from dataclasses import dataclass
from functools import cache, cached_property

import gemmi
import numpy as np
from ase.data import covalent_radii
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

__all__ = ["Residues", "is_monomer", "is_water", "polymer_atoms"]

#: Water by the names of simulation programs, beside those of the Protein Data Bank.
_WATERS = (
    "HOH", "DOD", "WAT", "H2O", "TIP", "SOL", "SPC", "OPC", "OH2", "WTR", "HO4", "MTO", "FH2",
    "TP3", "TP4", "TP5", "T3P", "T4P", "T5P", "T3H", "T4E", "SPCE", "SPC/", "OPC3", "TIPS",
    "TIP2", "TIP3", "TIP4", "TIP5",
)  # fmt: skip

#: Amino acids and nucleotides by the names of simulation programs.
_MONOMERS = (
    "HID", "HIE", "HIP", "HSD", "HSE", "HSP", "HISA", "HISB", "HISD", "HISE", "HISH", "HIS1",
    "HIS2", "CYX", "CYM", "CYS2", "CYSH", "CYN", "CYP", "LYN", "LYP", "LYSH", "ASH", "ASPH",
    "ASPP", "GLH", "GLUH", "GLUP", "ARGN", "TYM", "SEM",
    "ADE", "CYT", "GUA", "THY", "URA", "RA", "RC", "RG", "RU", "DT",
    *(f"{base}{end}" for base in ("A", "C", "G", "U") for end in "35N"),
    *(f"{kind}{base}{end}" for kind in "DR" for base in "ACGTU" for end in "35N"),
)  # fmt: skip

#: Atoms by which monomers are told, whatever the residue is called.
_AMINO, _NUCLEIC = {"N", "CA", "C"}, {"C3'", "O3'", "C5'"}

#: Their atoms that hold a chain together.
_ENDS = {"N", "C", "P", "O3'", "O5'"}

_AMINO_KIND, _NUCLEIC_KIND = 1, 2
_NONMETALS = [6, 7, 8, 15, 16, 34]


@cache
def is_monomer(residue: str) -> bool:
    """Whether a residue's name is that of an amino acid or a nucleotide."""
    return _kind(residue) > 0


@cache
def _kind(residue: str) -> int:
    entry = gemmi.find_tabulated_residue(residue)
    if entry.is_nucleic_acid():
        return _NUCLEIC_KIND
    if entry.is_amino_acid():
        return _AMINO_KIND
    if residue not in _MONOMERS:
        return 0
    return _NUCLEIC_KIND if _MONOMERS.index(residue) >= _MONOMERS.index("ADE") else _AMINO_KIND


@dataclass(frozen=True)
class Residues:
    """The atoms of one model and what their residues are called; all arrays are (n_atoms,).

    Attributes:
        index: number of the residue of each atom, from 0, in the order of the file.
        residue: name of its residue.
        chain: number of the piece of a chain it is in, which ends with a TER record.
        atom: its own name.
        number: atomic number, 0 for a site that isn't an atom.
        is_hetero: whether it is a HETATM.
        positions: (n_atoms, 3) in Angstrom.
    """

    index: np.ndarray
    residue: np.ndarray
    chain: np.ndarray
    atom: np.ndarray
    number: np.ndarray
    is_hetero: np.ndarray
    positions: np.ndarray

    @cached_property
    def first(self) -> np.ndarray:
        """The first atom of every residue, (n_residues,)."""
        return np.unique(self.index, return_index=True)[1]

    def count(self, atoms: np.ndarray) -> np.ndarray:
        """How many of the chosen atoms (n_atoms,) are in every residue, (n_residues,)."""
        return np.bincount(self.index[atoms], minlength=len(self.first))

    def has_all(self, names: set[str]) -> np.ndarray:
        """Whether every residue has atoms of all these names, (n_residues,)."""
        found = [self.count(self.atom == name) > 0 for name in names]
        return np.all(found, axis=0)


def is_water(residues: Residues) -> np.ndarray:
    """Which residues are nothing but water, (n_residues,).

    A residue of oxygen and hydrogen alone (and of sites that are no atoms, as in models of water
    with four points) is water if its name says so, or if it has two hydrogens per oxygen.
    """
    z, names = residues.number, residues.residue[residues.first]
    oxygens, hydrogens = residues.count(z == 8), residues.count(z == 1)
    others = residues.count(~np.isin(z, [0, 1, 8]))
    composed = (oxygens > 0) & (hydrogens <= 2 * oxygens) & (others == 0)
    return composed & (np.isin(names, _WATERS) | (hydrogens == 2 * oxygens))


def polymer_atoms(residues: Residues) -> np.ndarray:
    """Which atoms are part of a chain of amino acids or nucleotides, (n_atoms,).

    Residues are a chain if backbones bind at least two of them, one of which is an amino acid or a
    nucleotide: its caps belong to it, a single amino acid beside it doesn't, unless it stands
    between gaps of a chain. Where no residues are bound, as in a file of a few atoms, those called
    amino acids or nucleotides are polymers, and so is what isn't a HETATM.
    """
    kinds = _monomer_kinds(residues)
    chains = _chains(residues, kinds)
    size = np.bincount(chains)[chains]  # (n_residues,)
    has_monomer = np.bincount(chains, weights=kinds > 0)[chains] > 0
    hetero = residues.is_hetero[residues.first]
    all_hetero = np.bincount(chains, weights=~hetero)[chains] == 0
    bound = (size > 1) & has_monomer & ~(all_hetero & ~hetero.all())
    if not bound.any():
        return (kinds > 0)[residues.index] | ~residues.is_hetero
    return (bound | _between_gaps(residues, kinds, bound))[residues.index]


def _monomer_kinds(residues: Residues) -> np.ndarray:
    """1 for an amino acid, 2 for a nucleotide and 0 for everything else, (n_residues,)."""
    named = np.array([_kind(name) for name in residues.residue[residues.first]])
    kinds = np.where(residues.has_all(_AMINO), _AMINO_KIND, named)
    return np.where(residues.has_all(_NUCLEIC), _NUCLEIC_KIND, kinds)


def _chains(residues: Residues, kinds: np.ndarray) -> np.ndarray:
    """A number for every residue, which those share that backbones bind, (n_residues,)."""
    bonds = np.concatenate([_backbone_bonds(residues, kinds), _trace_bonds(residues, kinds)])
    n = len(residues.first)
    graph = coo_matrix((np.ones(len(bonds)), (bonds[:, 0], bonds[:, 1])), shape=(n, n))
    return connected_components(graph, directed=False)[1]


def _backbone_bonds(residues: Residues, kinds: np.ndarray) -> np.ndarray:
    """Pairs of residues (n, 2) that are bound at the end of a monomer's backbone."""
    heavy = np.flatnonzero(np.isin(residues.number, _NONMETALS))
    if len(heavy) < 2:
        return np.empty((0, 2), dtype=int)
    pairs = heavy[cKDTree(residues.positions[heavy]).query_pairs(2.1, output_type="ndarray")]
    pairs = pairs[np.diff(residues.index[pairs], axis=1)[:, 0] != 0]  # (n_pairs, 2)
    i, j = pairs.T
    reach = 1.15 * covalent_radii[residues.number[pairs]].sum(axis=1)
    bound = np.linalg.norm(residues.positions[i] - residues.positions[j], axis=1) < reach
    is_end = np.isin(residues.atom, list(_ENDS)) & (kinds > 0)[residues.index]
    return residues.index[pairs[bound & (is_end[i] | is_end[j])]]


def _trace_bonds(residues: Residues, kinds: np.ndarray) -> np.ndarray:
    """Pairs of residues (n, 2) that follow each other in a chain of which only a trace is known."""
    bonds = []
    for name, partner, reach in (("CA", "C", 4.3), ("P", "O3'", 8.0)):
        lone = (residues.count(residues.atom == partner) == 0) & (kinds > 0)
        atoms = np.flatnonzero((residues.atom == name) & lone[residues.index])
        a, b = atoms[:-1], atoms[1:]
        steps = np.linalg.norm(residues.positions[a] - residues.positions[b], axis=1)
        near = (steps < reach) & (residues.chain[a] == residues.chain[b])
        bonds.append(np.stack([residues.index[a], residues.index[b]], axis=1)[near])
    return np.concatenate(bonds)


def _between_gaps(residues: Residues, kinds: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """Monomers (n_residues,) that a chain of their kind has lost its neighbours of.

    They are no HETATM, and lack the second oxygen that a free amino acid has.
    """
    chain, hetero = residues.chain[residues.first], residues.is_hetero[residues.first]
    free = residues.count(np.isin(residues.atom, ["OXT", "OT2"])) > 0
    of_chain = [np.isin(chain, chain[bound & (kinds == kind)]) & (kinds == kind) for kind in (1, 2)]
    return np.any(of_chain, axis=0) & ~hetero & ~free
