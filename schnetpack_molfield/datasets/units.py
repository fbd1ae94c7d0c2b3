"""Units as people spell them, and as SchNetPack does: eV/A is eV/Ang, meV is 0.001 eV."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import ase.units

__all__ = ["QUANTITIES", "Unit", "length_in_angstrom", "parse_unit"]

Dimension = Mapping[str, int]


class Unit(NamedTuple):
    """A unit that SchNetPack can convert, and what numbers in the given one are multiplied by."""

    name: str
    factor: float = 1.0


class _Base(NamedTuple):
    name: str
    factor: float
    dimension: Dimension


def _bases(dimension: Dimension, **names: tuple[str, float, str]) -> dict[str, _Base]:
    """One row per unit: its name here, factor, and all its spellings."""
    return {
        spelling: _Base(name, factor, dimension)
        for name, factor, spellings in names.values()
        for spelling in spellings.split()
    }


_ENERGY, _LENGTH = {"energy": 1}, {"length": 1}
_MOLAR = {"energy": 1, "amount": 1}  # kcal/mol is an energy, kcal isn't
_PRESSURE = {"energy": 1, "length": -3}

#: spelling -> (SchNetPack's name, factor, dimension)
_BASES: dict[str, _Base] = {
    **_bases(
        _ENERGY,
        eV=("eV", 1, "eV electronvolt electronvolts"),
        meV=("eV", 1e-3, "meV"),
        Ha=("Ha", 1, "Ha Hartree Hartrees Eh E_h"),
        mHa=("Ha", 1e-3, "mHa mHartree mEh"),
        Ry=("Ry", 1, "Ry Rydberg"),
        invcm=("invcm", 1, "invcm"),
    ),
    **_bases(
        _MOLAR,
        kcal=("kcal", 1, "kcal"),
        cal=("cal", 1, "cal"),
        kJ=("kJ", 1, "kJ"),
    ),
    **_bases({"amount": 1}, mol=("mol", 1, "mol mole")),
    **_bases(
        _LENGTH,
        Ang=("Ang", 1, "A Ang Angs Angstrom Angstroms AA"),
        Bohr=("Bohr", 1, "Bohr a0 a_0"),
        nm=("nm", 1, "nm nanometer"),
        pm=("Ang", 1e-2, "pm"),
    ),
    **_bases(
        _PRESSURE,
        GPa=("GPa", 1, "GPa"),
        MPa=("GPa", 1e-3, "MPa"),
        kbar=("GPa", 0.1, "kbar kB"),
        bar=("bar", 1, "bar"),
        Pa=("Pascal", 1, "Pa Pascal"),
    ),
    **_bases({"charge": 1}, e=("e", 1, "e |e|")),
    **_bases({"charge": 1, "length": 1}, D=("Debye", 1, "Debye D")),
    **_bases({"time": 1}, fs=("fs", 1, "fs"), ps=("fs", 1e3, "ps"), s=("s", 1, "s second")),
    **_bases({"time": -1}, GHz=("GHz", 1, "GHz")),
    **_bases({"temperature": 1}, K=("K", 1, "K Kelvin")),
    **_bases({"moment": 1}, mu_B=("mu_B", 1, "mu_B muB")),
    **_bases({"shift": 1}, ppm=("ppm", 1, "ppm")),
    **_bases({"angle": 1}, deg=("deg", 1, "deg degree degrees"), rad=("rad", 1, "rad radian")),
}
_BY_LOWER = {spelling.lower(): base for spelling, base in reversed(_BASES.items())}


class Quantity(NamedTuple):
    """What is measured: its dimension, its usual units for messages, and its atomic unit."""

    dimension: Dimension
    usual: str
    atomic: str | None = None


_ENERGIES = ("eV", "meV", "Ha", "mHa", "Ry", "kcal/mol", "kJ/mol")

QUANTITIES: dict[str, Quantity] = {
    "energy": Quantity(_ENERGY, ", ".join(_ENERGIES), "Ha"),
    "force": Quantity(
        {"energy": 1, "length": -1},
        "eV/Ang, meV/Ang, Ha/Bohr, Ry/Bohr, kcal/mol/Ang, kJ/mol/Ang, kJ/mol/nm",
        "Ha/Bohr",
    ),
    "pressure": Quantity(_PRESSURE, "eV/Ang^3, Ha/Bohr^3, GPa, kbar, bar", "Ha/Bohr^3"),
    "length": Quantity(_LENGTH, "Ang, Bohr, nm, pm", "Bohr"),
    "area": Quantity({"length": 2}, "Bohr^2, Ang^2", "Bohr^2"),
    "volume": Quantity({"length": 3}, "Bohr^3, Ang^3", "Bohr^3"),
    "charge": Quantity({"charge": 1}, "e", "e"),
    "dipole": Quantity({"charge": 1, "length": 1}, "Debye, e Ang, e Bohr", "e Bohr"),
    "quadrupole": Quantity({"charge": 1, "length": 2}, "Debye Ang, e Ang^2, e Bohr^2", "e Bohr^2"),
    "heat capacity": Quantity({"energy": 1, "temperature": -1}, "cal/mol/K, kJ/mol/K, eV/K"),
    "time": Quantity({"time": 1}, "fs, ps, s"),
    "frequency": Quantity({"time": -1}, "GHz"),
    "magnetic moment": Quantity({"moment": 1}, "mu_B", None),
    "shift": Quantity({"shift": 1}, "ppm"),
    "number": Quantity({}, "1"),
}

_ATOMIC = {"au", "a.u.", "atomic", "atomic units"}
_NUMBERS = {"", "1", "-", "none", "arb. unit", "arb.unit", "dimensionless"}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_TOKEN = re.compile(r"\s*(?:(a_?0|E_h|mu_B|\|e\||[A-Za-z]+)(\^?[-+]?\d+)?|([/()]))\s*")


def parse_unit(text: str, quantity: str | None = None, what: str = "the label") -> Unit:
    """Read a unit in any usual spelling.

    Args:
        text: for example `kcal/mol/A`, `eV Å^-1`, `Hartree/bohr`, `meV/(Ang)`, `a.u.`.
        quantity: one of `QUANTITIES` that it has to be a unit of; None allows every unit.
        what: the property, for the message.

    Raises:
        ValueError: naming the unit and those that are known, if it is unknown or measures
            something else.
    """
    if text.strip().lower() in _ATOMIC and quantity is not None and QUANTITIES[quantity].atomic:
        text = str(QUANTITIES[quantity].atomic)
    try:
        unit, dimension = _read(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no known unit of {what}; {_known(quantity)}") from error
    if quantity is not None and dimension != QUANTITIES[quantity].dimension:
        raise ValueError(f"{text!r} is no unit of {what}; {_known(quantity)}")
    return _in_debye(unit) if quantity == "dipole" else unit


def length_in_angstrom(text: str) -> float:
    """Angstrom per unit of length.

    Raises:
        ValueError: if it is no unit of length.
    """
    unit = parse_unit(text, "length", "lengths")
    return unit.factor * getattr(ase.units, unit.name)


def _known(quantity: str | None) -> str:
    usual = QUANTITIES[quantity].usual if quantity else f"{', '.join(_ENERGIES)}, eV/Ang, Debye ..."
    return f"known are {usual}"


def _read(text: str) -> tuple[Unit, Dimension]:
    """Name, factor and dimension; a ValueError for anything that isn't understood."""
    if text.strip().lower() in _NUMBERS:
        return Unit(""), {}
    factor, dimension = 1.0, dict[str, int]()
    above: list[str] = []
    below: list[str] = []
    for base, power in _powers(text):
        factor *= base.factor**power
        (above if power > 0 else below).extend([base.name] * abs(power))
        for key, exponent in base.dimension.items():
            dimension[key] = dimension.get(key, 0) + exponent * power
    name = "/".join([" ".join(above) or "1", *below])
    name = {"Bohr Bohr Bohr": "a0 a0 a0", "Bohr Bohr": "a0 a0"}.get(name, name)  # as in QM9
    return Unit(name, factor), {key: power for key, power in dimension.items() if power}


def _powers(text: str) -> list[tuple[_Base, int]]:
    """Factors of a product with their powers: `kcal/(mol A)` has kcal 1, mol -1, A -1."""
    text = _ascii(text)
    found, sign, inside, position = [], 1, False, 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(text)
        name, power, mark = match.groups()
        position = match.end()
        if name:
            found.append((_base(name), sign * int((power or "1").lstrip("^"))))
            sign = sign if inside else 1
        elif mark == "/":
            sign = -1
        else:
            inside, sign = mark == "(", sign if mark == "(" else 1
    return found


def _ascii(text: str) -> str:
    """Without products, Angstrom signs and superscripts; kcal/mol-A is kcal/mol/A."""
    text = text.translate(_SUPERSCRIPTS).replace("Å", "Ang").replace("Å", "Ang")
    text = text.replace("**", "^").replace("·", " ").replace("*", " ").replace("−", "-")
    head, slash, tail = text.partition("/")
    return head + slash + re.sub(r"-(?=[A-Za-z])", "/", tail)


def _base(name: str) -> _Base:
    base = _BASES.get(name) or _BY_LOWER.get(name.lower())
    if base is None:
        raise ValueError(name)
    return base


def _in_debye(unit: Unit) -> Unit:
    """SchNetPack has no elementary charge among its units, so dipoles are kept in Debye."""
    charge, _, length = unit.name.partition(" ")
    if charge != "e":
        return unit
    return Unit("Debye", unit.factor * getattr(ase.units, length) / ase.units.Debye)
