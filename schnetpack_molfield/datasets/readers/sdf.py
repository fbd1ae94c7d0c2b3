"""Every record of an SDF file, V2000 or V3000, with the numbers among its data fields."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from ase import Atoms

from schnetpack_molfield.datasets.elements import atomic_number_of
from schnetpack_molfield.datasets.frames import RawFrame, RawSource, Value
from schnetpack_molfield.datasets.labels import without_unit
from schnetpack_molfield.datasets.readers.reading import each_frame
from schnetpack_molfield.text_files import read_text

__all__ = ["open_sdf", "sdf_records"]

_FIELD = re.compile(r"^>.*<([^>]+)>.*\n((?:.*\S.*\n?)*)", re.MULTILINE)


def open_sdf(path: Path, elements: Mapping[str, str]) -> RawSource:
    """Open an SDF or MOL file; its data fields state no units.

    Args:
        path: the file.
        elements: of atoms that are no elements.
    """

    def read() -> Iterator[RawFrame]:
        frames = (_frame(record, elements) for record in sdf_records(path))
        yield from each_frame(frames, elements)

    return RawSource(path, read, label_of=lambda key: without_unit(key, key), length_unit="Ang")


def sdf_records(path: Path) -> list[str]:
    """The records of a file, each from its line of the title on, which may be empty."""
    records = read_text(path).split("$$$$")
    records = [record.removeprefix("\n") if i else record for i, record in enumerate(records)]
    return [record for record in records if record.strip()]


def _frame(record: str, elements: Mapping[str, str]) -> RawFrame:
    lines = record.splitlines()
    if "M  END" not in record or len(lines) < 4:
        raise ValueError("it has no line 'M  END', the file may be cut off")
    rows = _v3000(lines) if "V3000" in lines[3] else _v2000(lines)
    numbers = [atomic_number_of(symbol, elements) for _, symbol in rows]
    positions = np.array([position for position, _ in rows], dtype=float)  # (n_atoms, 3)
    if lines[1][20:22] == "2D" or (len(rows) > 3 and not positions[:, 2].any()):
        raise ValueError("it is a drawing without 3-D coordinates")
    return RawFrame(Atoms(numbers, positions), _fields(record))


def _v2000(lines: list[str]) -> list[tuple[list[float], str]]:
    """Positions and symbols from columns of fixed width."""
    atoms = lines[4 : 4 + int(lines[3][:3])]
    return [([float(a[0:10]), float(a[10:20]), float(a[20:30])], a[31:34].strip()) for a in atoms]


def _v3000(lines: list[str]) -> list[tuple[list[float], str]]:
    """The same from `M  V30 index symbol x y z ...` between BEGIN ATOM and END ATOM."""
    start, end = lines.index("M  V30 BEGIN ATOM"), lines.index("M  V30 END ATOM")
    words = [line.split() for line in lines[start + 1 : end]]
    return [([float(x) for x in w[4:7]], w[3]) for w in words]


def _fields(record: str) -> dict[str, Value]:
    found = {}
    for name, text in _FIELD.findall(record):
        try:
            numbers = np.array([float(word) for word in text.split()])
        except ValueError:
            continue
        if numbers.size:
            found[name] = Value(numbers[0] if numbers.size == 1 else numbers, False)
    return found
