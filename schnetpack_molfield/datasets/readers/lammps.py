"""LAMMPS dumps and data files, whose atoms have numbered types and whose units are a setting."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_masses
from ase.io import iread

from schnetpack_molfield.datasets.elements import elements_of_types
from schnetpack_molfield.datasets.frames import RawFrame, RawSource
from schnetpack_molfield.datasets.labels import Label, ase_label
from schnetpack_molfield.datasets.readers.ase_files import values_of
from schnetpack_molfield.datasets.readers.reading import each_frame

__all__ = ["is_data_file", "open_data_file", "open_dump"]

_HEADER = 40  # lines that have the columns of the first frame


def open_dump(path: Path, elements: Mapping[str, str]) -> RawSource:
    """Open a dump; it has energies of no frame, and its forces are in units that it may not state.

    Args:
        path: the file.
        elements: of the numbered types, if it has no column `element` or `mass`.
    """
    header = _head(path)
    columns = re.search(r"ITEM: ATOMS (.*)", header)
    typed = columns is not None and not {"element", "mass"} & set(columns[1].split())
    stated = re.search(r"ITEM: UNITS\s+(\w+)", header)
    units = stated[1] if stated else "metal"  # leaves all numbers as they are

    def read() -> Iterator[RawFrame]:
        frames = iread(path, index=":", format="lammps-dump-text", units=units)
        for atoms in each_frame((_typed(a, elements) if typed else a for a in frames), elements):
            values = values_of(atoms)
            values.pop("energy", None)  # ASE writes 0.0 there
            yield RawFrame(atoms, values)

    def label_of(key: str) -> Label:
        label = ase_label(key)
        return label if stated or key != "forces" else label._replace(unit=None)

    return RawSource(path, read, label_of)


def open_data_file(path: Path, elements: Mapping[str, str]) -> RawSource:
    """Open a data file, a single structure.

    Args:
        path: the file.
        elements: of the numbered types, if masses or labels don't tell them.
    """
    named = re.search(r"^\s*(Masses|Atom Type Labels)\b", path.read_text(), re.MULTILINE)

    def read() -> Iterator[RawFrame]:
        frames = iread(path, index=":", format="lammps-data")
        convert = _typed if elements or not named else _check_masses
        for atoms in each_frame((convert(atoms, elements) for atoms in frames), elements):
            yield RawFrame(atoms, {})

    return RawSource(path, read, ase_label)


def is_data_file(path: Path) -> bool:
    """Whether a text file has the header of a LAMMPS data file."""
    return re.search(r"^\s*\d+\s+atom types", _head(path), re.MULTILINE) is not None


def _head(path: Path) -> str:
    with path.open(errors="replace") as file:
        return "".join(islice(file, _HEADER))


def _typed(atoms: Atoms, elements: Mapping[str, str]) -> Atoms:
    atoms.numbers = elements_of_types(atoms.arrays["type"], elements)
    return atoms


def _check_masses(atoms: Atoms, elements: Mapping[str, str]) -> Atoms:
    """Refuse elements that ASE guessed from the masses of something else, such as beads."""
    strange = np.abs(atoms.get_masses() - atomic_masses[atoms.numbers]) > 0.5
    if strange.any():
        atom = int(np.flatnonzero(strange)[0])
        return _typed(atoms[[atom]], elements)
    return atoms
