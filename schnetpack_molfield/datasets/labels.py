"""What the keys of an archive mean: `F_kcal_mol_A` holds forces in kcal/mol/Angstrom."""

from typing import NamedTuple

from schnetpack import properties
from schnetpack.datasets import QM9

from schnetpack_molfield.checks import did_you_mean

__all__ = ["ASE_UNITS", "Label", "choose_labels", "label_of"]

#: Unit suffixes of archive keys and their names in SchNetPack, longest first.
UNIT_SUFFIXES = {
    "kcal_mol_A": "kcal/mol/Ang",
    "cal_molK": "cal/mol/K",
    "kcal_mol": "kcal/mol",
    "kJ_mol": "kJ/mol",
    "Debye": "Debye",
    "bohr3": "a0 a0 a0",
    "bohr2": "a0 a0",
    "eV_A": "eV/Ang",
    "GHz": "GHz",
    "eV": "eV",
    "Ha": "Ha",
    "fs": "fs",
}

#: Short names of archives and the keys SchNetPack's own data sets use.
SCHNETPACK_NAMES = {
    "E": properties.energy,
    "F": properties.forces,
    "A": QM9.A,
    "B": QM9.B,
    "C": QM9.C,
    "mu": QM9.mu,
    "alpha": QM9.alpha,
    "r2": QM9.r2,
    "zpve": QM9.zpve,
    "u0": QM9.U0,
    "u298": QM9.U,
    "h298": QM9.H,
    "g298": QM9.G,
    "cv": QM9.Cv,
}

#: Units in which ASE hands over the results of a calculator.
ASE_UNITS = {
    properties.energy: "eV",
    properties.forces: "eV/Ang",
    properties.stress: "eV/Ang/Ang/Ang",
}


class Label(NamedTuple):
    """A property as it stands in a file, and as it will be called in the database."""

    key: str
    name: str
    unit: str


def label_of(key: str) -> Label | None:
    """Read name and unit from an archive key; None if it doesn't end in a known unit."""
    for suffix, unit in UNIT_SUFFIXES.items():
        stem = key.removesuffix(f"_{suffix}")
        if stem != key:
            return Label(key, SCHNETPACK_NAMES.get(stem, stem), unit)
    return None


def choose_labels(available: dict[str, Label | None], wanted: dict[str, str | None]) -> list[Label]:
    """Pick the labels to import.

    Args:
        available: every key of the file that may be a label; None where its unit is unknown.
        wanted: names or keys asked for, with their unit or None for the file's own; empty takes
            every label with a known unit, none from a file of bare structures.

    Raises:
        ValueError: for a name that isn't there, a unit that nobody stated, or no known unit.
    """
    known = [label for label in available.values() if label is not None]
    if not wanted:
        if available and not known:
            raise ValueError(
                "no label with a known unit; pass --property KEY=UNIT, with a KEY of "
                f"{', '.join(available)}"
            )
        return known
    by_name = {label.name: label.key for label in known} | {key: key for key in available}
    return [_choose(name, unit, available, by_name) for name, unit in wanted.items()]


def _choose(
    name: str, unit: str | None, available: dict[str, Label | None], by_name: dict[str, str]
) -> Label:
    if name not in by_name:
        raise ValueError(f"no property {name!r}: {did_you_mean(name, by_name)}")
    label = available[by_name[name]]
    if label is None and unit is None:
        raise ValueError(f"the unit of {name!r} isn't known; pass --property {name}=UNIT")
    if label is None:
        return Label(name, name, str(unit))
    return label._replace(unit=unit or label.unit)
