"""Names of the molecules of MD17 and rMD17, without which SchNetPack doesn't open a database."""

from ase.formula import Formula

__all__ = ["md17_name"]

_BY_FORMULA = {
    "C9H8O4": "aspirin",
    "C12H10N2": "azobenzene",
    "C6H6": "benzene",
    "C2H6O": "ethanol",
    "C3H4O2": "malonaldehyde",
    "C10H8": "naphthalene",
    "C8H9NO2": "paracetamol",
    "C7H6O3": "salicylic_acid",
    "C7H8": "toluene",
    "C4H4N2O2": "uracil",
}


def md17_name(formula: str) -> str:
    """What `data.molecule` calls a molecule: a name of MD17's, or the formula in Hill's order."""
    hill = format(Formula(formula), "hill")
    return _BY_FORMULA.get(hill, hill)
