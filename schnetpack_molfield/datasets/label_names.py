"""Names of labels in databases, which are SchNetPack's own.

They stand here as text because importing SchNetPack takes seconds, and an import that refuses a
file should do so at once. A test compares them with SchNetPack's.
"""

from typing import Final

__all__ = [
    "OfQM9",
    "dipole_moment",
    "energy",
    "forces",
    "partial_charges",
    "polarizability",
    "shielding",
    "spin_multiplicity",
    "stress",
    "total_charge",
]

energy: Final = "energy"
forces: Final = "forces"
stress: Final = "stress"
dipole_moment: Final = "dipole_moment"
polarizability: Final = "polarizability"
partial_charges: Final = "partial_charges"
total_charge: Final = "total_charge"
spin_multiplicity: Final = "spin_multiplicity"
shielding: Final = "shielding"


class OfQM9:
    """Labels of QM9 as `schnetpack.datasets.QM9` calls them."""

    A: Final = "rotational_constant_A"
    B: Final = "rotational_constant_B"
    C: Final = "rotational_constant_C"
    mu: Final = "dipole_moment"
    alpha: Final = "isotropic_polarizability"
    homo: Final = "homo"
    lumo: Final = "lumo"
    gap: Final = "gap"
    r2: Final = "electronic_spatial_extent"
    zpve: Final = "zpve"
    U0: Final = "energy_U0"
    U: Final = "energy_U"
    H: Final = "enthalpy_H"
    G: Final = "free_energy"
    Cv: Final = "heat_capacity"
