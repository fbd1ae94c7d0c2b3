"""From a file to labelled frames: read, find the labels, choose, bring into shape and unit."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from ase import Atoms

from schnetpack_molfield.datasets import label_names
from schnetpack_molfield.datasets.choice import Request, choose_labels
from schnetpack_molfield.datasets.frames import (
    Frame,
    FrameSource,
    RawFrame,
    RawSource,
    References,
    Value,
)
from schnetpack_molfield.datasets.labels import Label
from schnetpack_molfield.datasets.readers import open_archive, open_file
from schnetpack_molfield.datasets.readers.cells import BOX_SIZES, means_a_box
from schnetpack_molfield.datasets.references import isolated_atom
from schnetpack_molfield.datasets.shapes import shaped
from schnetpack_molfield.datasets.stated_units import StatedUnits, unit_words
from schnetpack_molfield.datasets.stress import stress_of_virial
from schnetpack_molfield.datasets.units import length_in_angstrom

__all__ = ["read_archive", "read_frames", "read_structures"]

Watch = Callable[[Iterator[RawFrame], RawSource], Iterator[RawFrame]]


def read_archive(path: Path, wanted: Mapping[str, str | None] | None = None) -> FrameSource:
    """Open a numpy archive of molecules.

    Args:
        path: the `.npz` file.
        wanted: labels to take, with their unit or None for the one in the key; None takes all.

    Raises:
        ValueError: if the file is damaged, isn't in one of the layouts, or lacks a label.
    """
    request = Request(properties=wanted or {})
    return label_frames(open_archive(path, request.elements), request)


def read_structures(path: Path, wanted: Mapping[str, str | None] | None = None) -> FrameSource:
    """Open any file of structures.

    Args:
        path: extended XYZ, a database, SDF or any other file that ASE reads.
        wanted: labels to take, with their unit or None for the format's; None takes the usual ones.

    Raises:
        ValueError: if a frame can't be read or a label isn't there.
    """
    return read_frames(path, Request(properties=wanted or {}))


def read_frames(path: Path, request: Request, watch: Watch | None = None) -> FrameSource:
    """Open a file and look through it once, to see which frames have which labels.

    Args:
        path: any file that an import takes.
        request: what is wanted from it.
        watch: passes the frames of that first look on, for example to show progress.

    Raises:
        ValueError: if a frame can't be read, or a label isn't there, has no unit or no clear name.
    """
    return label_frames(open_file(path, request.elements), request, watch)


@dataclass
class _Survey:
    """What a first look at a file finds."""

    count: int
    frames_of: dict[str, list[int]]
    isolated: dict[str, dict[int, float]]
    unit_words: dict[tuple[str, str], None]
    boxes: dict[str, int]


def label_frames(raw: RawSource, request: Request, watch: Watch | None = None) -> FrameSource:
    """Choose the labels of a file; see `read_frames`."""
    frames = raw.read() if watch is None else watch(raw.read(), raw)
    survey = _look_through(frames)
    if survey.count == 0:
        raise ValueError("it holds no frames")
    if not request.properties:
        _ask_about_boxes(survey)
    stated = StatedUnits([*raw.unit_words.items(), *survey.unit_words])
    labels = choose_labels(survey.frames_of, lambda key: stated.of(raw.label_of(key)), request)
    stated.check(labels, request.properties)
    length_unit = request.length_unit or raw.length_unit or stated.length
    taken = {label.key for label in labels}
    return FrameSource(
        path=raw.path,
        labels=labels,
        read=partial(_labelled, raw, labels, request, length_in_angstrom(length_unit or "Ang")),
        count=survey.count,
        references=_references(raw, survey, labels),
        split=raw.split,
        metadata=raw.metadata,
        left_out=tuple(key for key in survey.frames_of if key not in taken),
        scale_is_stated=length_unit is not None,
    )


def _look_through(frames: Iterator[RawFrame]) -> _Survey:
    frames_of: dict[str, list[int]] = defaultdict(list)
    isolated: dict[str, dict[int, float]] = defaultdict(dict)
    words: dict[tuple[str, str], None] = {}
    boxes: dict[str, int] = {}
    count = 0
    for atoms, values in frames:
        words |= dict.fromkeys(unit_words(atoms.info).items())
        for key in values:
            frames_of[key].append(count)
            if means_a_box(key) and not atoms.cell.any() and values[key].data.size in BOX_SIZES:
                boxes.setdefault(key, count)
        for key, value in isolated_atom(atoms, values).items():
            known = isolated[key].get(int(atoms.numbers[0]), value)
            isolated[key][int(atoms.numbers[0])] = min(value, known)  # the ground state
        count += 1
    return _Survey(count, dict(frames_of), dict(isolated), words, boxes)


def _ask_about_boxes(survey: _Survey) -> None:
    """Refuse to drop a box that isn't where the format has it: a liquid would be a cluster."""
    for key, frame in survey.boxes.items():
        raise ValueError(
            f"{key!r} of frame {frame} isn't read, but the frame has no cell; did you mean "
            "'Lattice'? Rename it in the file, or choose the labels with --property if the "
            "structures aren't periodic"
        )


def _references(raw: RawSource, survey: _Survey, labels: Sequence[Label]) -> dict[str, References]:
    """Single-atom values of the labels that were chosen, in their units.

    They are in the unit that the file states; who states another one for the label loses them.
    """
    energies = {label.key for label in labels if label.row and label.row.quantity == "energy"}
    isolated = {key: table for key, table in survey.isolated.items() if key in energies}
    found = {**isolated, **raw.references}
    return {
        label.name: {number: value * label.factor for number, value in found[label.key].items()}
        for label in labels
        if label.key in found and raw.label_of(label.key).unit in (None, label.unit)
    }


def _labelled(
    raw: RawSource, labels: Sequence[Label], request: Request, scale: float
) -> Iterator[Frame]:
    for number, (atoms, values) in enumerate(raw.read()):
        if scale != 1:
            atoms.set_cell(atoms.cell * scale)
            atoms.positions *= scale
        try:
            labelled = _properties(atoms, values, labels, request)
        except ValueError as error:
            raise ValueError(f"frame {number}: {error}") from error
        yield Frame(atoms, labelled)


def _properties(
    atoms: Atoms, values: Mapping[str, Value], labels: Sequence[Label], request: Request
) -> dict[str, np.ndarray]:
    """The labels of one frame, by name."""
    found: dict[str, np.ndarray] = {}
    keys: dict[str, str] = {}
    for label in labels:
        if label.key not in values:
            continue
        value = _value(atoms, values[label.key], label, request)
        if label.name in found and not _agree(found[label.name], value, label):
            raise ValueError(
                f"{keys[label.name]!r} and {label.key!r} contradict each other; "
                "choose one with --property"
            )
        found.setdefault(label.name, value)
        keys.setdefault(label.name, label.key)
    return found


def _value(atoms: Atoms, value: Value, label: Label, request: Request) -> np.ndarray:
    per_atom = _per_atom(value, label, request)
    array = shaped(value.data, label.row, per_atom, len(atoms), label.key)
    if label.virial:
        array = stress_of_virial(array, atoms)
    return array * label.factor if label.factor != 1 else array


def _per_atom(value: Value, label: Label, request: Request) -> bool | None:
    """Whether a property that isn't known has a row for each atom."""
    if label.row is not None or value.per_atom is not None:
        return value.per_atom
    if label.key in request.per_atom or label.key in request.per_molecule:
        return label.key in request.per_atom
    raise ValueError(
        f"{label.key!r} has shape {value.data.shape}, which may be a row for each atom or one "
        f"tensor of the molecule; pass --per-atom {label.key} or --per-molecule {label.key}"
    )


def _agree(first: np.ndarray, second: np.ndarray, label: Label) -> bool:
    """Whether two keys of one property say the same; stresses are often rounded."""
    tolerance = 1e-3 if label.name == label_names.stress else 1e-6
    return first.shape == second.shape and np.allclose(
        first, second, rtol=0, atol=tolerance * np.abs(first).max(initial=0), equal_nan=True
    )
