"""Molecules, complexes and ensembles from a file or a SMILES string."""

import io
import os
import re
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from schnetpack_molfield.checks import check_readable
from schnetpack_molfield.datasets.biomolecules import LIGAND, PROTEIN, parse_mmcif, parse_pdb
from schnetpack_molfield.datasets.smiles import parse_sdf, parse_smiles
from schnetpack_molfield.fields.lengths import unusual_lengths
from schnetpack_molfield.fields.molecule import angstrom_per
from schnetpack_molfield.text_files import (
    CIF,
    PDB,
    SDF,
    XYZ,
    check_structure_file,
    read_text,
    structure_suffix,
)

__all__ = ["LIGAND", "PROTEIN", "read_molecules"]


def read_molecules(source: str | Path, length_unit: str | None = None) -> list[Atoms]:
    """Read all models, conformers or frames of a molecule.

    =============  ============================================================================
    PDB, mmCIF     gemmi; the first of alternative locations; waters are left out unless there
                   is nothing else, and counted in `info["n_waters"]`. Where there are both,
                   the array `part` tells polymers (`PROTEIN`) from other residues (`LIGAND`)
    SDF, MOL       RDKit (extra `chem`); every record is a frame
    SMILES         RDKit; hydrogens added, one conformer by ETKDG with a fixed seed; fragments
                   side by side, 3 Angstrom from surface to surface
    XYZ, others    ASE
    =============  ============================================================================

    Files may be compressed (`.gz`). A total charge that the source states is `info["charge"]`.

    Args:
        source: a file, or a SMILES string.
        length_unit: unit of the file's positions; None if it is Angstrom, as the bonds must show.

    Returns:
        The frames in the order of the file, at least one, none of them empty, in Angstrom.

    Raises:
        FileNotFoundError: if a name with the ending of a structure file is no file.
        ValueError: if there are no atoms; if the file is cut off, broken or periodic, or its bonds
            are as long as in another unit.
        ImportError: if RDKit is needed and missing.
    """
    suffix, scale = structure_suffix(source), angstrom_per(length_unit or "Ang")
    if not os.path.isfile(source):
        check_structure_file(source)
        return [parse_smiles(str(source))]
    check_readable(Path(source))
    try:
        parse = _PARSERS.get(suffix)
        frames = list(ase.io.iread(source, ":")) if parse is None else parse(read_text(source))
    except ImportError:
        raise
    except Exception as error:  # readers raise whatever comes up in them
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if isinstance(error, KeyError):  # ASE's for an unknown symbol is nothing but that symbol
            reason = f"{reason} is no element; symbols such as O are"
        raise ValueError(f"{source} can't be read as a structure ({reason})") from error
    for number, atoms in enumerate(frames):
        atoms.positions *= scale
        _check_frame(f"{source}: model {number}", atoms)
    if not frames:
        raise ValueError(f"{source} has no atoms")
    if length_unit is None and (unusual := unusual_lengths(frames[0])):
        raise ValueError(
            f"{source}: {unusual}; name the unit of the file by --length-unit (length_unit=), "
            "Ang if it is right as it is"
        )
    return frames


def _check_frame(name: str, atoms: Atoms) -> None:
    if len(atoms) == 0:
        raise ValueError(f"{name} has no atoms")
    if not atoms.numbers.all():
        atom = int(np.flatnonzero(atoms.numbers == 0)[0])
        raise ValueError(f"{name}: atom {atom} is a dummy atom (X), no element: leave it out")
    if atoms.pbc.any():
        raise ValueError(f"{name} is periodic, but fields are of molecules: remove its cell")
    if not np.isfinite(atoms.positions).all():
        atom = int(np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))[0])
        raise ValueError(f"{name}: atom {atom} ({atoms.symbols[atom]}) has no finite position")


def _parse_xyz(text: str) -> list[Atoms]:
    _check_last_number(text)
    return list(ase.io.iread(io.StringIO(text), index=":", format="extxyz"))


def _check_last_number(text: str) -> None:
    """Raise ValueError if the last number has lost digits that those above it have."""
    if text.endswith("\n"):
        return
    decimals = [len(m) for m in re.findall(r"\.(\d+)[ \t]*(?:\n|$)", text)]
    if len(decimals) > 2 and len(set(decimals[:-1])) == 1 and decimals[-1] < decimals[0]:
        raise ValueError("its last number may be cut off; if it is whole, end the line")


_PARSERS = {
    **dict.fromkeys(PDB, parse_pdb),
    **dict.fromkeys(CIF, parse_mmcif),
    **dict.fromkeys(SDF, parse_sdf),
    **dict.fromkeys(XYZ, _parse_xyz),
}
