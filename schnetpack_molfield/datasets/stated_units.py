"""Units that a file states in words beside its numbers: `energy_unit="kcal/mol"`, `units=Ha`."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from schnetpack_molfield.datasets.catalogue import WANTED, is_near, property_of
from schnetpack_molfield.datasets.labels import Label, split_unit
from schnetpack_molfield.datasets.units import parse_unit

__all__ = ["StatedUnits", "unit_words"]

_LENGTHS = {"length", "lengths", "distance", "position", "positions", "coordinates", "r"}
_KEY = re.compile(r"^(?:(.+?)[_\- ]?)?units?(?:[_\- ](?:of[_\- ])?(.+))?$", re.IGNORECASE)
#: What units alone may say that agrees with ASE's own.
_OF_ASE = {"ev", "ev, ang", "ev, angstrom", "ev and angstrom", "ev angstrom", "metal", "ase"}
_UNAMBIGUOUS = {"charge", "number", "shift", "magnetic moment"}


def unit_words(info: Mapping[str, Any]) -> dict[str, str]:
    """What a frame says about units: texts under keys such as `unit`, or a unit that stands alone.

    `energy=-76.4 Ha` is read as a number and a word `Ha` that is true.
    """
    found = {key: v for key, v in info.items() if isinstance(v, str) and _KEY.match(str(key))}
    alone = [str(key) for key, value in info.items() if value is True and _is_energy(str(key))]
    return found | ({"unit": " ".join(alone)} if alone else {})


def _is_energy(text: str) -> bool:
    try:
        parse_unit(text, "energy")
    except ValueError:
        return False
    return True


class StatedUnits:
    """Units of labels and lengths that a file states in words.

    Args:
        words: pairs of a key and the text under it, of all frames.

    Raises:
        ValueError: if frames contradict each other.

    Attributes:
        length: unit of positions and cell; None if it isn't stated.
    """

    def __init__(self, words: Iterable[tuple[str, str]]) -> None:
        self._known: dict[str, str] = {}
        self._unclear: dict[str, str] = {}
        for key, text in dict.fromkeys(words):
            table, name = self._place(key, text)
            if table.setdefault(name, text) != text:
                raise ValueError(
                    f"its frames have {key} {table[name]!r} and {text!r}; write a file for each"
                )
        self.length = self._known.get("length")

    def _place(self, key: str, text: str) -> tuple[dict[str, str], str]:
        """The table in which a text belongs, and under which name."""
        match = _KEY.match(key)
        name = ((match[1] or match[2] or "") if match else key).lower()
        if name in _LENGTHS:
            return self._known, "length"
        row = property_of(name) or property_of(name.upper()) or property_of(f"{name}s")
        if row is not None:
            return self._known, row.name
        of_label = any(is_near(name, wanted) for wanted in WANTED)
        of_all = not name and " ".join(text.lower().split()) not in _OF_ASE
        return (self._unclear, key) if of_label or of_all else ({}, key)

    def of(self, label: Label) -> Label:
        """The label in the unit that is stated for it, if its key doesn't state another one."""
        unit = self._known.get(label.row.name) if label.row else None
        return label if unit is None or split_unit(label.key)[1] else label.in_unit(unit)

    def check(self, labels: Iterable[Label], asked: Mapping[str, str | None]) -> None:
        """Refuse words that may be about a label of which nobody else states the unit.

        Args:
            labels: that were chosen.
            asked: units that the user states, by key or name.

        Raises:
            ValueError: naming the words, and the options that answer.
        """
        doubtful = [
            label.key
            for label in labels
            if not (asked.get(label.key) or asked.get(label.name) or split_unit(label.key)[1])
            and not (label.row and label.row.name in self._known)
            and not (label.row and label.row.quantity in _UNAMBIGUOUS)
        ]
        if self._unclear and doubtful:
            key, text = next(iter(self._unclear.items()))
            options = " ".join(f"--property {name}=UNIT" for name in doubtful)
            raise ValueError(f"it says {key}={text!r}, and not of what; pass {options}")
