"""Which labels of a file are imported, under which name and in which unit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from schnetpack_molfield.checks import did_you_mean
from schnetpack_molfield.datasets import label_names
from schnetpack_molfield.datasets.catalogue import (
    VIRIAL,
    WANTED,
    is_gradient,
    is_near,
    is_per_atom_energy,
)
from schnetpack_molfield.datasets.labels import Label
from schnetpack_molfield.datasets.units import parse_unit

__all__ = ["Request", "choose_labels"]


@dataclass(frozen=True)
class Request:
    """What is wanted from a file, beyond what can be read from it.

    Attributes:
        properties: names or keys of labels, with their unit or None for the file's own; empty
            takes the usual ones, `{"none": None}` takes none.
        names: new names of labels, by their key or name in the file.
        per_atom: keys that have one value for each atom, where the shape doesn't tell ...
        per_molecule: ... or one for the molecule.
        elements: elements of atom types, by the name of the type.
        length_unit: of positions and cell; None takes the format's, and asks if that can't be.
    """

    properties: Mapping[str, str | None] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    per_atom: frozenset[str] = frozenset()
    per_molecule: frozenset[str] = frozenset()
    elements: Mapping[str, str] = field(default_factory=dict)
    length_unit: str | None = None


def choose_labels(
    frames_of: Mapping[str, Sequence[int]],
    label_of_key: Callable[[str], Label],
    request: Request,
) -> list[Label]:
    """Pick the labels to import.

    Args:
        frames_of: every key of the file that may be a label, and the frames that have it.
        label_of_key: what a key means in this format.
        request: what is wanted.

    Raises:
        ValueError: for a name that isn't there or is taken, a unit that nobody stated or that is
            unknown, and for a key that may have been meant for a property and would be left out.
    """
    if "none" in request.properties:
        return []
    available = {key: label_of_key(key) for key in frames_of}
    if request.properties:
        labels = [
            label
            for name, unit in request.properties.items()
            for label in _asked(name, unit, available)
        ]
    else:
        labels = [label for label in available.values() if label.usual]
    labels = _renamed(labels, available, request.names, label_of_key)
    if not request.properties:
        _ask_about_near_names(labels, frames_of, label_of_key)
    _check_units(labels)
    return _virial_as_stress(labels)


def _asked(name: str, unit: str | None, available: Mapping[str, Label]) -> list[Label]:
    """The labels of a name or key; the stress may be under `virial` in some frames."""
    names = {name, VIRIAL} if name == label_names.stress else {name}
    found = [label for key, label in available.items() if key == name or label.name in names]
    if not found:
        known = [*available, *(label.name for label in available.values())]
        raise ValueError(f"no property {name!r}: {did_you_mean(name, known)}")
    if unit is None:
        return found
    return [
        label.in_unit(unit) for label in found if label.name != VIRIAL or name != label_names.stress
    ]


def _renamed(
    labels: Sequence[Label],
    available: Mapping[str, Label],
    names: Mapping[str, str],
    label_of_key: Callable[[str], Label],
) -> list[Label]:
    """Give labels new names; one that wasn't chosen is taken by that."""
    renamed = {label.key: label for label in labels}
    for old, new in names.items():
        found = [
            label for label in (*labels, *available.values()) if old in (label.key, label.name)
        ]
        if not found:
            hint = did_you_mean(old, [*available, *(label.name for label in available.values())])
            raise ValueError(f"--rename {old}={new}: there is no label {old!r}; {hint}")
        renamed[found[0].key] = _with_name(found[0], label_of_key(new))
    for old, new in names.items():
        keys = [label.key for label in renamed.values() if label.name == new]
        if len(keys) > 1:
            raise ValueError(
                f"--rename {old}={new}: {' and '.join(map(repr, keys))} would both be {new!r}; "
                "choose one with --property"
            )
    return list(renamed.values())


def _with_name(label: Label, new: Label) -> Label:
    """A label under the name of another one, whose unit it takes if it has none.

    Under a name that isn't known it stays the property that it is. A gradient changes its sign.
    """
    if new.name == label_names.forces and is_gradient(label.key):
        label, new = (one._replace(factor=-one.factor) for one in (label, new))
    if (label.name, new.name) == (VIRIAL, label_names.stress):
        return label  # it becomes the stress below
    meaning = label.row.name if label.row else None
    if label.unit is None:
        return new._replace(key=label.key, meaning=meaning)
    if new.row is not None:
        parse_unit(label.unit, new.row.quantity, repr(new.name))
    return label._replace(name=new.name, meaning=meaning)


def _ask_about_near_names(
    labels: Sequence[Label],
    frames_of: Mapping[str, Sequence[int]],
    label_of_key: Callable[[str], Label],
) -> None:
    """Refuse to leave out `Energy` or `force` where that would be the frame's only energy."""
    taken = {label.key for label in labels if not _is_unturned(label)}
    for name in WANTED:
        having = {f for label in labels if label.name == name for f in frames_of[label.key]}
        for key, frames in frames_of.items():
            lacking = [frame for frame in frames if frame not in having]
            if key not in taken and lacking and is_near(key, name):
                question = _question(key, name, label_of_key(key).unit or label_of_key(name).unit)
                raise ValueError(f"{key!r} of frame {lacking[0]} {question}")


def _is_unturned(label: Label) -> bool:
    """Whether a label is a gradient under a name of its own."""
    return label.name != label_names.forces and is_gradient(label.key)


def _question(key: str, name: str, unit: str | None) -> str:
    """What to ask about a key that is near a name, in words behind it."""
    others = "or --property for the labels to take"
    if name == label_names.energy and is_per_atom_energy(key):
        return f"is an energy per atom, but {name!r} is that of all atoms; write it so, {others}"
    rename = f"Pass --rename {key}={name}"
    if name == label_names.forces and is_gradient(key):
        return f"has the forces with the other sign. {rename}, which turns it, {others}"
    in_unit = f" in {unit}" if unit else ""
    return f"isn't a name for a label; did you mean {name!r}{in_unit}? {rename}, {others}"


def _check_units(labels: Sequence[Label]) -> None:
    """Every label has a unit, the same for all keys of one name."""
    first: dict[str, Label] = {}
    for label in labels:
        if label.unit is None:
            raise ValueError(
                f"the unit of {label.key!r} isn't known; pass --property {label.key}=UNIT, or "
                "--property none for the structures alone"
            )
        other = first.setdefault(label.name, label)
        if other.unit != label.unit:
            raise ValueError(
                f"{other.key!r} and {label.key!r} are both {label.name!r}, in {other.unit} and "
                f"{label.unit}; choose one with --property"
            )


def _virial_as_stress(labels: Sequence[Label]) -> list[Label]:
    """A virial is written as the stress, in the unit of the stress that other frames have."""
    unit = next((label.unit for label in labels if label.name == label_names.stress), None)

    def as_stress(label: Label) -> Label:
        from schnetpack.units import convert_units  # late: it brings torch

        own = f"{label.unit}/Ang/Ang/Ang"
        factor = convert_units(own, unit) if unit else 1.0
        return label._replace(
            name=label_names.stress, unit=unit or own, factor=label.factor * factor, virial=True
        )

    return [as_stress(label) if label.name == VIRIAL else label for label in labels]
