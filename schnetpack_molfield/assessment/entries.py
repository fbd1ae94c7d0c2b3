"""Molecules to assess, from any file; what can't be read is named instead of dropped."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from ase import Atoms

from schnetpack_molfield.checks import optional_import
from schnetpack_molfield.text_files import SDF, structure_suffix

__all__ = ["Entries", "read_entries"]


@dataclass
class Entries:
    """The molecules of a file.

    Attributes:
        molecules: those that can be read.
        unreadable: a line for each entry that can't, with its number, its name and the reason.
    """

    molecules: list[Atoms] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.molecules) + len(self.unreadable)


def read_entries(path: str | Path, most: int | None = None) -> Entries:
    """Read all molecules of a file.

    Args:
        path: SDF, by RDKit; extended XYZ, a database, an archive or what else an import takes.
        most: number of entries after which to stop; None reads all.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if its kind isn't known, or none of its entries can be read.
        ImportError: if RDKit is needed and missing.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} isn't a file")
    entries = Entries()
    read = _sdf_entries if structure_suffix(path) in (*SDF, ".sd") else _other_entries
    try:
        for name, found in islice(read(path), most):
            problem = found if isinstance(found, str) else _problem(found)
            if isinstance(found, str) or problem:
                entries.unreadable.append(f"{name}: {problem}")
            else:
                entries.molecules.append(found)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if not entries.molecules:
        reason = f", the first: {entries.unreadable[0]}" if entries.unreadable else ""
        raise ValueError(f"{path}: none of its {len(entries)} entries can be read{reason}")
    return entries


def _problem(atoms: Atoms) -> str:
    """What is wrong with a molecule; empty if nothing is."""
    if len(atoms) == 0:
        return "it has no atoms"
    if not np.isfinite(atoms.positions).all():
        return "a position isn't finite"
    return "" if atoms.numbers.all() else "an atom has no element"


def _other_entries(path: Path) -> Iterator[tuple[str, Atoms | str]]:
    from schnetpack_molfield.datasets.readers import open_file

    for number, frame in enumerate(open_file(path, {}).read()):
        yield f"entry {number}", frame.atoms


def _sdf_entries(path: Path) -> Iterator[tuple[str, Atoms | str]]:
    """Records of an SDF file, each by itself, so that a broken one doesn't hide the next."""
    from schnetpack_molfield.datasets.readers.sdf import sdf_records

    for number, record in enumerate(sdf_records(path)):
        title = record.split("\n", 1)[0].strip()
        yield f"entry {number}" + (f" ({title})" if title else ""), _sdf_entry(record)


def _sdf_entry(record: str) -> Atoms | str:
    """The molecule of a record, or why there is none; its bonds aren't used."""
    chem = optional_import("rdkit.Chem", "generation")
    if "M  END" not in record:
        return "it has no line 'M  END'"
    with optional_import("rdkit.rdBase", "generation").BlockLogs():
        try:
            molecule = chem.MolFromMolBlock(record, sanitize=False, removeHs=False)
        except (RuntimeError, ValueError):
            molecule = None
    if molecule is None:
        return "RDKit can't read it"
    numbers = [atom.GetAtomicNum() for atom in molecule.GetAtoms()]
    if not numbers:
        return "it has no atoms"
    conformer = molecule.GetConformer()
    if not conformer.Is3D() and len(numbers) > 1:
        return "it is a drawing without 3-D coordinates"
    return Atoms(numbers, conformer.GetPositions())
