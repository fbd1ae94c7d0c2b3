"""OpenDX files of a regular grid (VMD, APBS, PyMOL): third axis fastest, no atoms, no unit."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.grid_files.volume import Volume, stated_unit
from schnetpack_molfield.new_files import replace_when_complete
from schnetpack_molfield.text_files import read_text

__all__ = ["read", "write"]

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


def read(path: Path) -> Volume:
    """The first scalar array of an OpenDX file; name and unit are those of its first comment.

    Raises:
        ValueError: if it isn't one, or ends before its values do.
    """
    text = read_text(path)
    comment = text.split("\n", 1)[0].lstrip("# ") if text.startswith("#") else ""
    counts = re.search(r"gridpositions\s+counts\s+(\d+)\s+(\d+)\s+(\d+)", text)
    rows = [_vector(line) for line in re.findall(r"^\s*(?:origin|delta)\s+(.*)$", text, re.M)]
    start = re.search(r"data\s+follows\s*\n", text)
    if counts is None or start is None or len(rows) != 4 or any(len(x) != 3 for x in rows):
        raise ValueError(f"{path} is no OpenDX file of values on a regular grid")
    shape = (int(counts[1]), int(counts[2]), int(counts[3]))
    words = re.split(r"\b(?:attribute|object)\b", text[start.end() :])[0].split()
    if len(words) != np.prod(shape):
        raise ValueError(f"{path} has {len(words)} values of the {np.prod(shape)} of its grid")
    values = np.array(words, dtype=float).reshape(shape)
    name, unit = stated_unit(comment)
    return Volume.of_one(Grid(np.array(rows[0]), np.array(rows[1:]), shape), values, name, unit)


def write(path: Path, volume: Volume) -> None:
    """Write one quantity in its own unit."""
    grid, values = volume.grid, volume.only()
    counts = " ".join(map(str, grid.shape))
    head = [
        f"# {volume.titles()[0]}",
        f"object 1 class gridpositions counts {counts}",
        "origin " + _row(grid.origin),
        *("delta " + _row(step) for step in grid.steps),
        f"object 2 class gridconnections counts {counts}",
        f"object 3 class array type double rank 0 items {grid.n_points} data follows",
    ]
    tail = [
        'attribute "dep" string "positions"',
        'object "regular positions regular connections" class field',
        'component "positions" value 1',
        'component "connections" value 2',
        'component "data" value 3',
    ]
    with replace_when_complete(path) as partial, partial.open("w") as file:
        file.write("\n".join(head) + "\n")
        flat = values.ravel()
        full = len(flat) // 3 * 3
        np.savetxt(file, flat[:full].reshape(-1, 3), "%.9e")
        np.savetxt(file, flat[None, full:], "%.9e") if full < len(flat) else None
        file.write("\n".join(tail) + "\n")


def _row(vector: np.ndarray) -> str:
    return " ".join(f"{x:.10f}" for x in vector)


def _vector(text: str) -> list[float]:
    return [float(x) for x in re.findall(_NUMBER, text)]
