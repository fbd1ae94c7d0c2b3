"""What the keys of a file mean: `F_kcal_mol_A` holds forces in kcal/mol/Angstrom."""

from typing import NamedTuple

from schnetpack_molfield.datasets.catalogue import (
    ARCHIVE_NAMES,
    PROPERTIES,
    VIRIAL,
    WANTED,
    Property,
    is_near,
    property_of,
)
from schnetpack_molfield.datasets.units import parse_unit

__all__ = ["Label", "ase_label", "label_of", "split_unit", "without_unit"]

_ENERGY_SUFFIXES = {
    "kcal_mol": "kcal/mol", "kJ_mol": "kJ/mol", "meV": "meV", "eV": "eV", "mHa": "mHa",
    "Hartree": "Ha", "Ha": "Ha", "Eh": "Ha", "Ry": "Ry", "kcal": "kcal/mol", "kJ": "kJ/mol",
}  # fmt: skip
_PRESSURE_SUFFIXES = ("GPa", "MPa", "kbar", "bar")
_LENGTH_SUFFIXES = {"A": "Ang", "Ang": "Ang", "bohr": "Bohr", "Bohr": "Bohr", "nm": "nm"}

#: Unit suffixes of archive keys and what they mean.
UNIT_SUFFIXES = {
    **_ENERGY_SUFFIXES,
    **{
        f"{energy}_{length}{power}": f"{name}/{unit}{'^' + power if power else ''}"
        for energy, name in _ENERGY_SUFFIXES.items()
        for length, unit in _LENGTH_SUFFIXES.items()
        for power in ("", "3")
    },
    **{f"e_{length}": f"e {unit}" for length, unit in _LENGTH_SUFFIXES.items()},
    "cal_molK": "cal/mol/K",
    "Debye": "Debye",
    "D": "Debye",
    "eA": "e Ang",
    "bohr3": "a0 a0 a0",
    "bohr2": "a0 a0",
    "A3": "Ang^3",
    **{pressure: pressure for pressure in _PRESSURE_SUFFIXES},
    "GHz": "GHz",
    "fs": "fs",
    "ps": "ps",
    "e": "e",
}
_LONGEST_FIRST = sorted(UNIT_SUFFIXES, key=len, reverse=True)
_IN_ANY_CASE = {  # `energy_ha` is as clear as `energy_Ha`
    suffix.lower(): suffix
    for suffix in _LONGEST_FIRST
    if suffix.startswith((*_ENERGY_SUFFIXES, *_PRESSURE_SUFFIXES))
}


class Label(NamedTuple):
    """A property as it stands in a file, and as it will be called in the database.

    Attributes:
        key: its name in the file.
        name: its name in the database.
        unit: as SchNetPack writes it; None if nobody stated it.
        factor: what the file's numbers are multiplied by to be in that unit.
        usual: taken without being asked for.
        virial: the file has the virial, the database gets the stress.
        meaning: the property that it is, where it is stored under a name that isn't known.
    """

    key: str
    name: str
    unit: str | None
    factor: float = 1.0
    usual: bool = True
    virial: bool = False
    meaning: str | None = None

    @property
    def row(self) -> Property | None:
        """What is known about it: by its name in the database, or else in the file."""
        name = VIRIAL if self.virial else self.name
        return property_of(name) or property_of(self.meaning or self.key)

    def in_unit(self, text: str) -> "Label":
        """The same label, whose numbers in the file are in the given unit.

        Raises:
            ValueError: if the unit is unknown or measures something else.
        """
        unit = parse_unit(text, self.row.quantity if self.row else None, repr(self.name))
        return self._replace(unit=unit.name, factor=unit.factor)


def label_of(key: str) -> Label:
    """Read name and unit from an archive key: `F_kcal_mol_A` holds forces in kcal/mol/Angstrom."""
    stem, unit = split_unit(key)
    if unit is not None:
        return Label(key, _archive_name(stem), None).in_unit(unit)
    if key.endswith("_au"):
        return _in_atomic_units(key)
    return without_unit(key, _archive_name(key))


def split_unit(key: str) -> tuple[str, str | None]:
    """A key without the unit at its end, and that unit."""
    for suffix in _LONGEST_FIRST:
        if key.endswith(f"_{suffix}"):
            return key.removesuffix(f"_{suffix}"), UNIT_SUFFIXES[suffix]
    for small, suffix in _IN_ANY_CASE.items():
        if key.lower().endswith(f"_{small}"):
            return key[: -len(small) - 1], UNIT_SUFFIXES[suffix]
    return key, None


def _in_atomic_units(key: str) -> Label:
    """`dipole_hf_au`: the unit follows from the property that the key is near to."""
    stem = key.removesuffix("_au")
    label = Label(key, _archive_name(stem), None)
    row = label.row or next((property_of(name) for name in WANTED if is_near(stem, name)), None)
    if row is None:
        return label._replace(usual=False)
    unit = parse_unit("a.u.", row.quantity, repr(stem))
    return label._replace(unit=unit.name, factor=unit.factor)


def without_unit(key: str, name: str) -> Label:
    """A label of which the format doesn't state the unit; some properties have one only."""
    label = Label(key, name, None)
    row = label.row
    if row is None:
        return label._replace(usual=False)
    only = {"charge": "e", "number": "1", "shift": "ppm"}.get(row.quantity)
    return (label.in_unit(only) if only else label)._replace(usual=row.usual)


def ase_label(key: str) -> Label:
    """Name and unit of what ASE reads: results of calculators have units, others may state one."""
    stem, unit = split_unit(key)
    if unit is not None:
        stated = Label(key, stem if stem in PROPERTIES else _archive_name(stem), None).in_unit(unit)
        return stated._replace(usual=stated.row is not None and stated.row.usual)
    label = without_unit(key, "total_charge" if key == "charge" else key)
    row = label.row
    return label.in_unit(row.unit) if row and row.name == label.name and row.unit else label


def _archive_name(stem: str) -> str:
    return ARCHIVE_NAMES.get(stem) or (stem.lower() if stem.lower() in PROPERTIES else stem)
