"""Units of moments and potentials of charges in e and lengths in Angstrom."""

from __future__ import annotations

from ase.units import Bohr, Debye, Hartree

from schnetpack_molfield.checks import check_choice

__all__ = ["COULOMB", "DIPOLE_UNITS", "QUADRUPOLE_UNITS", "moment_factor"]

#: Potential in V of a charge of 1 e at 1 Angstrom.
COULOMB = Hartree * Bohr

#: Their size in e Ang and in e Ang^2.
DIPOLE_UNITS = {"Debye": Debye, "e*Ang": 1.0, "e*bohr": Bohr}
QUADRUPOLE_UNITS = {"Debye*Ang": Debye, "e*Ang^2": 1.0, "e*bohr^2": Bohr**2}


def moment_factor(unit: str, known: dict[str, float]) -> float:
    """What a moment in e and Angstrom is multiplied by to be in `unit`, one of `known`.

    Raises:
        ValueError: if it is another one.
    """
    check_choice("unit", unit, list(known))
    return 1 / known[unit]
