"""Names and units of channels as people write them: "electron density / e Å⁻³"."""

from __future__ import annotations

import re

__all__ = ["caption", "quantity", "readable_unit"]

_SYMBOLS = {
    "Ang": "Å", "Angstrom": "Å", "bohr": "a₀", "Bohr": "a₀", "Ha": "E$_h$", "Hartree": "E$_h$"
}  # fmt: skip

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")

_NAMES = {"sdf": "signed distance"}

_FACTOR = re.compile(r"(?P<sign>[/*]?)\s*(?P<name>[^\W\d]+|1)(?:\^(?P<power>-?[\d.]+))?\s*")


def caption(channel: str, unit: str) -> str:
    """Title of a channel, without a unit if it has none."""
    name = _NAMES.get(channel, channel.replace("_", " "))
    return f"{name} / {readable_unit(unit)}" if unit else name


def quantity(value: float, unit: str) -> str:
    """A value with its unit."""
    number = f"{value:g}".replace("-", "\N{MINUS SIGN}")
    return f"{number} {readable_unit(unit)}".rstrip()


def readable_unit(unit: str) -> str:
    """A unit such as e/Ang^3 with negative powers; one of another form stays as it is."""
    factors = list(_FACTOR.finditer(unit))
    if "".join(factor.group() for factor in factors) != unit:
        return unit
    parts = [_factor(f["name"], f["power"], f["sign"] == "/") for f in factors if f["name"] != "1"]
    return " ".join(parts)


def _factor(name: str, power: str | None, below: bool) -> str:
    symbol, exponent = _SYMBOLS.get(name, name), float(power or 1) * (-1 if below else 1)
    if exponent == 1:
        return symbol
    if exponent == int(exponent):
        return symbol + str(int(exponent)).translate(_SUPERSCRIPTS)
    if 2 * exponent == int(2 * exponent):
        return f"{symbol}$^{{{int(2 * exponent)}/2}}$"
    return f"{symbol}$^{{{exponent:g}}}$"
