"""Units of fields: what cube files hold by custom, and the way from one unit to another."""

from __future__ import annotations

from ase.units import Bohr, Hartree, kcal, mol

__all__ = ["cube_unit", "is_density", "unit_factor"]

#: For each quantity, units and their size in the first of them, the one of cube files.
QUANTITIES: dict[str, dict[str, float]] = {
    "electron density": {"e/bohr^3": 1.0, "e/Ang^3": Bohr**3, "e/nm^3": (Bohr / 10) ** 3},
    "electrostatic potential": {
        "Ha/e": 1.0,
        "V": 1 / Hartree,
        "eV/e": 1 / Hartree,
        "kcal/mol/e": kcal / mol / Hartree,
    },
    "orbital": {"1/bohr^1.5": 1.0, "1/Ang^1.5": Bohr**1.5},
}
#: Lengths have no custom of their own in cube files: a distance stays in the unit it has.
LENGTHS = {"Ang": 1.0, "bohr": Bohr, "nm": 10.0}


def cube_unit(unit: str) -> str:
    """The unit that cube files hold this quantity in; the same one where there is no custom."""
    family = _family(unit, list(QUANTITIES.values()))
    return unit if family is None else next(iter(family))


def unit_factor(unit: str, wanted: str) -> float:
    """What values in `unit` are multiplied by to be in `wanted`.

    Raises:
        ValueError: if they aren't units of the same quantity, or `wanted` isn't known.
    """
    if _spelled(unit) == _spelled(wanted):
        return 1.0
    family = _family(unit, [*QUANTITIES.values(), LENGTHS])
    if family is None:
        raise ValueError(f"{unit!r} can't be converted to {wanted!r}")
    sizes = {_spelled(name): size for name, size in family.items()}
    if _spelled(wanted) not in sizes:
        raise ValueError(f"{unit!r} can't be converted to {wanted!r}, only to {', '.join(family)}")
    return sizes[_spelled(unit)] / sizes[_spelled(wanted)]


def is_density(unit: str) -> bool:
    """Whether this is a unit of electron densities."""
    return _family(unit, [QUANTITIES["electron density"]]) is not None


def _family(unit: str, families: list[dict[str, float]]) -> dict[str, float] | None:
    """The units of the same quantity."""
    return next((f for f in families if _spelled(unit) in map(_spelled, f)), None)


def _spelled(unit: str) -> str:
    """One spelling for e/A^3, e/Angstrom3 and e/Ang^3, Hartree/e and Ha/e, a0 and bohr."""
    plain = unit.lower().replace(" ", "").replace("^", "").replace("*", "").replace("å", "ang")
    plain = plain.replace("angstrom", "ang").replace("hartree", "ha").replace("a0", "bohr")
    return "/".join(
        {"a": "ang", "a3": "ang3", "a1.5": "ang1.5"}.get(p, p) for p in plain.split("/")
    )
