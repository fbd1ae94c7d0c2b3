"""Molecules, complexes and ensembles from a file or a SMILES string."""

import os
from pathlib import Path
from typing import Any

import ase.io
import gemmi
import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from schnetpack_molfield.fields.checks import optional_import

__all__ = ["LIGAND", "PROTEIN", "read_molecules"]

#: Values of the array `part` of the atoms of a complex.
PROTEIN, LIGAND = 0, 1

#: Seed of the 3-D coordinates of a SMILES, so that it always means the same geometry.
SEED = 42

PDB = (".pdb", ".ent")
CIF = (".cif", ".mmcif")
SDF = (".sdf", ".mol")
XYZ = (".xyz", ".extxyz")


def read_molecules(source: str | Path) -> list[Atoms]:
    """Read all models, conformers or frames of a molecule.

    =============  ============================================================================
    PDB, mmCIF     gemmi; the first of alternative locations; waters are left out unless there
                   is nothing else, and counted in `info["n_waters"]`. Where there are both,
                   the array `part` tells polymers (`PROTEIN`) from other residues (`LIGAND`)
    SDF, MOL       RDKit (extra `chem`); every record is a frame
    SMILES         RDKit; hydrogens added, one conformer by ETKDG with a fixed seed
    XYZ, others    ASE
    =============  ============================================================================

    Args:
        source: a file, or a SMILES string.

    Returns:
        The frames in the order of the file, at least one, none of them empty.

    Raises:
        FileNotFoundError: if a name with the ending of a structure file is no file.
        ValueError: if there are no atoms, or the file is cut off, broken or periodic.
        ImportError: if RDKit is needed and missing.
    """
    suffix = Path(source).suffix.lower()
    if not os.path.isfile(source):
        if suffix in (*PDB, *CIF, *SDF, *XYZ):
            raise FileNotFoundError(f"{source} isn't a file")
        return [_from_smiles(str(source))]
    try:
        frames = _READERS.get(suffix, _read_ase)(str(source))
    except ImportError:
        raise
    except Exception as error:  # readers raise whatever comes up in them
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{source} can't be read as a structure ({reason})") from error
    for number, atoms in enumerate(frames):
        _check_frame(f"{source}: model {number}", atoms)
    if not frames:
        raise ValueError(f"{source} has no atoms")
    return frames


def _check_frame(name: str, atoms: Atoms) -> None:
    if len(atoms) == 0:
        raise ValueError(f"{name} has no atoms")
    if atoms.pbc.any():
        raise ValueError(f"{name} is periodic, but fields are of molecules: remove its cell")
    if not np.isfinite(atoms.positions).all():
        atom = int(np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))[0])
        raise ValueError(f"{name}: atom {atom} ({atoms.symbols[atom]}) has no finite position")


def _read_ase(path: str) -> list[Atoms]:
    return list(ase.io.iread(path, index=":"))


def _read_pdb(path: str) -> list[Atoms]:
    records = [line[:6].strip() for line in Path(path).read_text().splitlines() if line.strip()]
    if records and records[-1] not in ("END", "ENDMDL"):
        raise ValueError(
            f"it ends with {records[-1]} and may be cut off; if it is whole, add a last line END"
        )
    return _read_gemmi(path)


def _read_gemmi(path: str) -> list[Atoms]:
    """The models of a PDB or mmCIF file."""
    flat = gemmi.FlatStructure(gemmi.read_structure(path))
    alternative = _is_alternative(flat)
    residues, residue = np.unique(_text(np.asarray(flat.residue_names)), return_inverse=True)
    known = [gemmi.find_tabulated_residue(name) for name in residues]
    water = np.array([entry.is_water() for entry in known], dtype=bool)[residue]
    polymer = np.array([r.is_amino_acid() or r.is_nucleic_acid() for r in known], bool)[residue]
    polymer |= np.asarray(flat.het_flags) != ord("H")
    part = np.where(polymer, PROTEIN, LIGAND)
    numbers, positions = _numbers(np.asarray(flat.element_names)), np.asarray(flat.pos)
    water &= not water.all()
    frames = []
    for model in np.unique(flat.model_num):
        of_model = flat.model_num == model
        rows = of_model & ~water & ~alternative
        atoms = Atoms(numbers[rows], positions[rows])
        if len(np.unique(part[rows])) == 2:
            atoms.new_array("part", part[rows])
        atoms.info["n_waters"] = int((of_model & water & (numbers == 8)).sum())
        frames.append(atoms)
    return frames


def _is_alternative(flat: gemmi.FlatStructure) -> np.ndarray:
    """Whether each atom is in another than its residue's first alternative location, (n_atoms,)."""
    chain = np.asarray(flat.chain_ids)  # (n_atoms, 8) characters
    place = np.column_stack([flat.model_num, flat.resnums, flat.icodes, chain])
    residue = np.unique(place, axis=0, return_inverse=True)[1].ravel()  # (n_atoms,)
    location = np.asarray(flat.altlocs, dtype=int)  # 0 where there is one location only
    first = np.full(len(residue), 127)
    np.minimum.at(first, residue, np.where(location > 0, location, 127))
    return location > first[residue]


def _text(codes: np.ndarray) -> np.ndarray:
    """Strings (n,) of characters (n, length), which are padded by zeros."""
    return np.ascontiguousarray(codes).view(f"S{codes.shape[1]}").ravel().astype(str)


def _numbers(symbols: np.ndarray) -> np.ndarray:
    """Atomic numbers (n,) of gemmi's element names (n,)."""
    names, which = np.unique(symbols.astype(str), return_inverse=True)
    unknown = [name for name in names if name.capitalize() not in {*atomic_numbers, "D"}]
    if unknown or "X" in names:
        atom = int(np.flatnonzero(np.isin(symbols.astype(str), [*unknown, "X"]))[0])
        raise ValueError(f"atom {atom} has no element")
    known = {**atomic_numbers, "D": 1}
    return np.array([known[name.capitalize()] for name in names])[which]


def _read_sdf(path: str) -> list[Atoms]:
    chem = optional_import("rdkit.Chem", "chem")
    text = Path(path).read_text()
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


def _from_rdkit(molecule: Any) -> Atoms:
    conformer = molecule.GetConformer()
    if not conformer.Is3D():
        raise ValueError("it has no 3-D coordinates; give the SMILES of the molecule instead")
    numbers = [atom.GetAtomicNum() for atom in molecule.GetAtoms()]
    return Atoms(numbers, conformer.GetPositions())


def _from_smiles(smiles: str) -> Atoms:
    chem = optional_import("rdkit.Chem", "chem")
    embedding = optional_import("rdkit.Chem.rdDistGeom", "chem")
    with optional_import("rdkit.rdBase", "chem").BlockLogs():
        molecule = chem.MolFromSmiles(smiles)
        if molecule is None or molecule.GetNumAtoms() == 0:
            raise ValueError(f"{smiles!r} is neither a file nor a SMILES that RDKit can read")
        molecule = chem.AddHs(molecule)
        if embedding.EmbedMolecule(molecule, randomSeed=SEED) != 0:
            raise ValueError(f"RDKit finds no 3-D coordinates for {smiles!r}; give it as a file")
    return _from_rdkit(molecule)


_READERS = {
    **dict.fromkeys(PDB, _read_pdb),
    **dict.fromkeys(CIF, _read_gemmi),
    **dict.fromkeys(SDF, _read_sdf),
}
