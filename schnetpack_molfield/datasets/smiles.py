"""Molecules from RDKit: of SMILES strings, of SDF and MOL files."""

from typing import Any

import numpy as np
from ase import Atoms
from ase.data import vdw_radii
from ase.data.vdw_alvarez import vdw_radii as alvarez_radii
from scipy.spatial.distance import cdist

from schnetpack_molfield.checks import optional_import

__all__ = ["parse_sdf", "parse_smiles"]

#: Seed of the 3-D coordinates of a SMILES, so that it always means the same geometry.
SEED = 42

#: Angstrom between the van der Waals surfaces of two fragments of a SMILES.
GAP = 3.0

_RADII = np.where(np.isnan(vdw_radii), alvarez_radii[: len(vdw_radii)], vdw_radii)


def parse_sdf(text: str) -> list[Atoms]:
    """The records of an SDF or MOL file.

    Raises:
        ValueError: if a record is cut off, broken or flat.
        ImportError: if RDKit is missing.
    """
    chem = optional_import("rdkit.Chem", "chem")
    records = [record for record in text.split("$$$$") if record.strip()]
    for number, record in enumerate(records):
        if "M  END" not in record:
            raise ValueError(f"record {number} has no line 'M  END', the file may be cut off")
    supplier = chem.SDMolSupplier()
    supplier.SetData(text, sanitize=False, removeHs=False)
    with optional_import("rdkit.rdBase", "chem").BlockLogs():
        molecules = list(supplier)
    if None in molecules:
        raise ValueError(f"record {molecules.index(None)} is broken")
    return [_from_rdkit(molecule) for molecule in molecules]


def parse_smiles(smiles: str) -> Atoms:
    """The molecule of a SMILES, with hydrogens, in one conformer by ETKDG.

    Fragments, which a dot separates, stand side by side, 3 Angstrom from surface to surface. The
    total charge is `info["charge"]`.

    Raises:
        ValueError: if it isn't a SMILES or RDKit finds no coordinates.
        ImportError: if RDKit is missing.
    """
    chem = optional_import("rdkit.Chem", "chem")
    with optional_import("rdkit.rdBase", "chem").BlockLogs():
        molecule = chem.MolFromSmiles(smiles)
        if molecule is None or molecule.GetNumAtoms() == 0:
            raise ValueError(f"{smiles!r} is neither a file nor a SMILES that RDKit can read")
        fragments = chem.GetMolFrags(chem.AddHs(molecule), asMols=True)
        return _side_by_side([_embedded(fragment, smiles) for fragment in fragments])


def _embedded(molecule: Any, smiles: str) -> Atoms:
    embedding = optional_import("rdkit.Chem.rdDistGeom", "chem")
    if embedding.EmbedMolecule(molecule, randomSeed=SEED) != 0:
        raise ValueError(f"RDKit finds no 3-D coordinates for {smiles!r}; give it as a file")
    return _from_rdkit(molecule)


def _side_by_side(fragments: list[Atoms]) -> Atoms:
    """All fragments along the x axis, in their order."""
    if len(fragments) == 1:
        return fragments[0]
    placed = Atoms()
    for atoms in fragments:
        atoms.positions -= atoms.positions.mean(axis=0)
        atoms.positions[:, 0] += _clearance(placed, atoms)
        placed += atoms
    placed.info["charge"] = sum(atoms.info["charge"] for atoms in fragments)
    return placed


def _clearance(placed: Atoms, atoms: Atoms) -> float:
    """How far along x a fragment has to move, to be `GAP` away from those that are placed."""
    if len(placed) == 0:
        return 0.0
    reach = _RADII[placed.numbers][:, None] + _RADII[atoms.numbers] + GAP  # (n_placed, n_atoms)
    aside = cdist(placed.positions[:, 1:], atoms.positions[:, 1:])
    ahead = placed.positions[:, :1] - atoms.positions[:, 0]
    needed = ahead + np.sqrt(np.maximum(reach**2 - aside**2, 0))
    return float(needed[aside < reach].max(initial=0.0))


def _from_rdkit(molecule: Any) -> Atoms:
    conformer = molecule.GetConformer()
    if not conformer.Is3D():
        raise ValueError("it has no 3-D coordinates; give the SMILES of the molecule instead")
    numbers = [atom.GetAtomicNum() for atom in molecule.GetAtoms()]
    charge = sum(atom.GetFormalCharge() for atom in molecule.GetAtoms())
    return Atoms(numbers, conformer.GetPositions(), info={"charge": charge})
