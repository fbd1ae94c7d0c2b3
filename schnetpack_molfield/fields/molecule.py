"""What a structure says besides its atoms: its charge, and the unit of its lengths."""

from __future__ import annotations

from ase import Atoms
from ase.units import Bohr

from schnetpack_molfield.checks import check_choice

__all__ = ["angstrom_per", "total_charge"]

#: Angstrom per unit of length, by the unit's usual spellings in lower case.
_LENGTHS = {
    **dict.fromkeys(("ang", "angstrom", "a"), 1.0),
    **dict.fromkeys(("bohr", "a0", "au"), Bohr),
    **dict.fromkeys(("nm", "nanometer"), 10.0),
    **dict.fromkeys(("pm", "picometer"), 0.01),
}


def angstrom_per(unit: str) -> float:
    """How many Angstrom a unit of length is.

    Raises:
        ValueError: if it isn't known.
    """
    check_choice("unit of length", unit.lower(), list(_LENGTHS))
    return _LENGTHS[unit.lower()]


def total_charge(atoms: Atoms) -> int:
    """The charge in units of e that `atoms.info` states as `charge` or `total_charge`, else 0.

    Raises:
        ValueError: if it isn't a whole number, or larger than the nuclei's.
    """
    charge = atoms.info.get("charge", atoms.info.get("total_charge", 0))
    try:
        whole = round(float(charge))
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"the structure's charge must be a whole number, got {charge!r}") from None
    if abs(float(charge) - whole) > 1e-3:
        raise ValueError(f"the structure's charge must be a whole number, got {charge!r}")
    if whole > (protons := int(atoms.numbers.sum())):
        raise ValueError(f"{atoms.symbols} can't have charge {whole}, it has {protons} protons")
    return whole
