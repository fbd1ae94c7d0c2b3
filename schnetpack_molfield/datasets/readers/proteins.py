"""PDB and mmCIF files; where an atom has several locations, the first one."""

from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path

from ase import Atoms
from ase.io import iread

from schnetpack_molfield.datasets.biomolecules import parse_mmcif
from schnetpack_molfield.datasets.frames import RawFrame, RawSource
from schnetpack_molfield.datasets.labels import ase_label
from schnetpack_molfield.datasets.pdb_records import complete_elements
from schnetpack_molfield.datasets.readers.ase_files import open_ase_file
from schnetpack_molfield.datasets.readers.reading import each_frame
from schnetpack_molfield.text_files import read_text

__all__ = ["open_cif", "open_pdb"]


def open_pdb(path: Path, elements: Mapping[str, str]) -> RawSource:
    """Open a PDB file; occupancies and B factors are no labels.

    Args:
        path: the file.
        elements: of atoms that are no elements.
    """

    def read() -> Iterator[RawFrame]:
        lines = complete_elements(read_text(path)).splitlines(keepends=True)
        text = "".join(_first_locations(lines))
        frames: Iterator[Atoms] = iread(StringIO(text), index=":", format="proteindatabank")
        for atoms in each_frame(frames, elements):
            yield RawFrame(atoms, {})

    return RawSource(path, read, ase_label, length_unit="Ang")


def open_cif(path: Path, elements: Mapping[str, str]) -> RawSource:
    """Open a CIF of a crystal, or an mmCIF of molecules with their waters.

    Args:
        path: the file.
        elements: of atoms that are no elements.
    """
    if "_atom_site.Cartn_x" not in read_text(path):
        return open_ase_file(path, elements)

    def read() -> Iterator[RawFrame]:
        for atoms in parse_mmcif(read_text(path), waters=True):
            yield RawFrame(Atoms(atoms.numbers, atoms.positions), {})

    return RawSource(path, read, ase_label, length_unit="Ang")


def _first_locations(lines: list[str]) -> Iterator[str]:
    """Lines without those of a residue's second and further alternative locations."""
    first: dict[str, str] = {}
    for line in lines:
        if line.startswith(("ATOM", "HETATM")) and line[16:17].strip():
            residue = line[21:27]  # chain, number and insertion code
            if first.setdefault(residue, line[16]) != line[16]:
                continue
        elif line.startswith("MODEL"):
            first.clear()
        yield line
