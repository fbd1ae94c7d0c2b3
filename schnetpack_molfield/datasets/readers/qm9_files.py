"""QM9 as it was published: `dsgdb9nsd_000001.xyz`, one molecule a file, in a folder or a tar."""

import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from ase import Atoms

from schnetpack_molfield.datasets.elements import atomic_number_of
from schnetpack_molfield.datasets.frames import RawFrame, RawSource, Value
from schnetpack_molfield.datasets.label_names import OfQM9
from schnetpack_molfield.datasets.labels import Label
from schnetpack_molfield.datasets.qm9_reference import ATOMREFS
from schnetpack_molfield.datasets.readers.reading import each_frame

__all__ = ["is_qm9_file", "open_qm9_files"]

#: The numbers of the second line behind `gdb` and the index, in their order, with their units.
COLUMNS = {
    OfQM9.A: "GHz", OfQM9.B: "GHz", OfQM9.C: "GHz", OfQM9.mu: "Debye", OfQM9.alpha: "a0 a0 a0",
    OfQM9.homo: "Ha", OfQM9.lumo: "Ha", OfQM9.gap: "Ha", OfQM9.r2: "a0 a0", OfQM9.zpve: "Ha",
    OfQM9.U0: "Ha", OfQM9.U: "Ha", OfQM9.H: "Ha", OfQM9.G: "Ha", OfQM9.Cv: "cal/mol/K",
}  # fmt: skip
_CHARGES = "partial_charges"  # Mulliken's
_UNITS = {**COLUMNS, _CHARGES: "e"}


def is_qm9_file(path: Path) -> bool:
    """Whether it is a file of QM9, or a folder or tar archive of them."""
    if path.is_dir():
        return any(path.glob("dsgdb9nsd_*.xyz"))
    if _is_tar(path):
        return True
    with path.open(errors="replace") as file:
        file.readline()
        return file.readline().startswith("gdb ")


def open_qm9_files(path: Path, elements: Mapping[str, str]) -> RawSource:
    """Open QM9's own files, in the order of their numbers, with the energies of the free atoms.

    Args:
        path: one file, a folder or a tar archive.
        elements: unused; QM9 has elements only.
    """

    def read() -> Iterator[RawFrame]:
        yield from each_frame((_molecule(text) for text in _texts(path)), elements)

    return RawSource(
        path,
        read,
        label_of=lambda key: Label(key, key, _UNITS[key]),
        references={name: table for name, (_, table) in ATOMREFS.items()},
        length_unit="Ang",
    )


def _is_tar(path: Path) -> bool:
    endings = path.name.lower().split(".")
    return "tar" in endings[1:] or endings[-1] in ("tgz", "tbz2")


def _texts(path: Path) -> Iterator[str]:
    if path.is_dir():
        yield from (file.read_text() for file in sorted(path.glob("dsgdb9nsd_*.xyz")))
    elif _is_tar(path):
        with tarfile.open(path) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.name.endswith(".xyz") else None
                if content is not None:
                    yield content.read().decode()
    else:
        yield path.read_text()


def _molecule(text: str) -> RawFrame:
    lines = text.replace("*^", "e").splitlines()
    n_atoms = int(lines[0])
    words = lines[1].split()
    if words[0] != "gdb" or len(words) != 2 + len(COLUMNS) or len(lines) < 2 + n_atoms:
        raise ValueError("it isn't a file of QM9, or is cut off")
    rows = [line.split() for line in lines[2 : 2 + n_atoms]]
    table = np.array([[float(word) for word in row[1:5]] for row in rows])  # (n_atoms, 4)
    atoms = Atoms([atomic_number_of(row[0], {}) for row in rows], table[:, :3])
    values = dict(zip(COLUMNS, map(float, words[2:]), strict=True))
    labels = {name: Value(np.array(value), False) for name, value in values.items()}
    return RawFrame(atoms, {**labels, _CHARGES: Value(table[:, 3], True)})
