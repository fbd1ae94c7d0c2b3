"""Labelled structures from any file that ASE reads: extended XYZ, trajectories, databases."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import iread
from ase.stress import voigt_6_to_full_3x3_stress
from schnetpack import properties

from schnetpack_molfield.datasets.frames import Frame, FrameSource
from schnetpack_molfield.datasets.labels import ASE_UNITS, Label, choose_labels

__all__ = ["read_structures"]

_PER_ATOM_RESULTS = {"forces", "energies", "stresses", "charges", "magmoms"}


def read_structures(path: Path, wanted: dict[str, str | None] | None = None) -> FrameSource:
    """Open a file of structures.

    Args:
        path: any file ASE reads; results of calculators are in eV and Angstrom.
        wanted: labels to take, with their unit or None for ASE's; None takes energy, forces and
            stress where the first frame has them.

    Raises:
        ValueError: if the first frame can't be read or lacks a label.
    """
    first = next(_atoms(path), None)
    if first is None:
        raise ValueError("it holds no frames")
    labels = choose_labels({key: _label(key) for key in _values(first)}, wanted or {})
    return FrameSource(path=path, labels=labels, read=lambda: _frames(path, labels))


def _label(key: str) -> Label | None:
    return Label(key, key, ASE_UNITS[key]) if key in ASE_UNITS else None


def _frames(path: Path, labels: list[Label]) -> Iterator[Frame]:
    for frame, atoms in enumerate(_atoms(path)):
        values = _values(atoms)
        missing = [label.key for label in labels if label.key not in values]
        if missing:
            raise ValueError(f"frame {frame} has no {', '.join(missing)}")
        yield Frame(atoms, {label.name: values[label.key] for label in labels})


def _atoms(path: Path) -> Iterator[Atoms]:
    """All frames; whatever ASE raises at a broken one becomes a ValueError that names it."""
    frames = iread(path, index=":")
    for frame in count():
        try:
            yield next(frames)
        except StopIteration:
            return
        except Exception as error:
            raise ValueError(f"frame {frame} can't be read ({error})") from error


def _values(atoms: Atoms) -> dict[str, np.ndarray]:
    """Every number a frame carries: of its calculator, of the system, of the atoms."""
    results = dict(atoms.calc.results) if atoms.calc is not None else {}
    stress = results.get(properties.stress)
    if stress is not None and np.shape(stress) == (6,):
        results[properties.stress] = voigt_6_to_full_3x3_stress(stress)
    arrays = {k: v for k, v in atoms.arrays.items() if k not in ("numbers", "positions")}
    per_atom = arrays.keys() | _PER_ATOM_RESULTS
    return {
        key: np.asarray(value, dtype=float) if key in per_atom else np.asarray([value], dtype=float)
        for key, value in {**atoms.info, **arrays, **results}.items()
        if np.asarray(value).dtype.kind in "fi"
    }
