"""The properties an import knows: their shape, whether they belong to atoms, and their units."""

import re
from difflib import SequenceMatcher
from typing import NamedTuple

from schnetpack import properties
from schnetpack.datasets import QM9

from schnetpack_molfield import properties as keys

__all__ = ["ARCHIVE_NAMES", "PROPERTIES", "VIRIAL", "WANTED", "Property", "is_near", "property_of"]

_SCALAR, _VECTOR, _TENSOR = (), (3,), (3, 3)


class Property(NamedTuple):
    """One row of the table.

    Attributes:
        name: what the database calls it.
        quantity: what its unit measures, see `units.QUANTITIES`.
        per_atom: one value for each atom, or one for the molecule.
        shapes: of one value; None takes any. The first is the usual one.
        unit: in which ASE, or custom where there is no choice, gives it; None if nobody says.
        usual: taken without being asked for, where its unit is known.
    """

    name: str
    quantity: str
    per_atom: bool = False
    shapes: tuple[tuple[int, ...], ...] | None = (_SCALAR,)
    unit: str | None = None
    usual: bool = False


VIRIAL = "virial"

_TABLE = [
    Property(properties.energy, "energy", unit="eV", usual=True),
    Property(properties.forces, "force", True, (_VECTOR,), "eV/Ang", True),
    Property(properties.stress, "pressure", False, (_TENSOR,), "eV/Ang^3", True),
    Property(VIRIAL, "energy", False, (_TENSOR,), "eV", True),
    Property("dipole", "dipole", False, (_VECTOR,), "e Ang", True),
    Property("charges", "charge", True, unit="e", usual=True),
    Property("energies", "energy", True, unit="eV"),
    Property("stresses", "pressure", True, (_TENSOR,), "eV/Ang^3"),
    Property("magmom", "magnetic moment", unit="mu_B"),
    Property("magmoms", "magnetic moment", True, (_SCALAR, _VECTOR), "mu_B"),
    Property(properties.dipole_moment, "dipole", False, (_SCALAR, _VECTOR)),
    Property(properties.polarizability, "volume", False, (_TENSOR,)),
    Property("quadrupole", "quadrupole", False, (_TENSOR,)),
    Property(properties.partial_charges, "charge", True, unit="e", usual=True),
    Property(properties.total_charge, "charge", unit="e"),
    Property(properties.spin_multiplicity, "number", unit="1"),
    Property(properties.shielding, "shift", True, (_TENSOR,), "ppm"),
    Property(keys.time, "time"),
    # densities on grids
    Property(keys.electron_density, "number", False, None),
    Property(keys.grid_shape, "number", False, (_VECTOR,)),
    Property(keys.grid_origin, "length", False, (_VECTOR,)),
    Property(keys.grid_spacing, "length"),
    # QM9
    Property(QM9.A, "frequency"),
    Property(QM9.B, "frequency"),
    Property(QM9.C, "frequency"),
    Property(QM9.alpha, "volume"),
    Property(QM9.homo, "energy"),
    Property(QM9.lumo, "energy"),
    Property(QM9.gap, "energy"),
    Property(QM9.r2, "area"),
    Property(QM9.zpve, "energy"),
    Property(QM9.U0, "energy"),
    Property(QM9.U, "energy"),
    Property(QM9.H, "energy"),
    Property(QM9.G, "energy", unit="eV"),  # the name of ASE's free energy as well
    Property(QM9.Cv, "heat capacity"),
]

PROPERTIES = {row.name: row for row in _TABLE}

#: Short names that archives use, and the names above.
ARCHIVE_NAMES = {
    "E": properties.energy,
    "energies": properties.energy,  # of every frame; ASE's are those of the atoms
    "F": properties.forces,
    "force": properties.forces,
    "virials": VIRIAL,
    "A": QM9.A,
    "B": QM9.B,
    "C": QM9.C,
    "mu": QM9.mu,
    "alpha": QM9.alpha,
    "r2": QM9.r2,
    "u0": QM9.U0,
    "u298": QM9.U,
    "h298": QM9.H,
    "g298": QM9.G,
    "cv": QM9.Cv,
}

#: Words that mean one of the properties which everybody wants.
WANTED = {
    properties.energy: ("energy", "energies", "etot", "toten"),
    properties.forces: ("forces", "force", "frc", "gradient", "gradients"),
    properties.stress: ("stress",),
    VIRIAL: ("virial", "virials"),
    "dipole": ("dipole", "dipoles"),
}


def property_of(name: str) -> Property | None:
    """The row of a name or short name, None for one that isn't known."""
    return PROPERTIES.get(name) or PROPERTIES.get(ARCHIVE_NAMES.get(name, name))


def is_near(key: str, name: str) -> bool:
    """Whether a key may mean a property: `Energy`, `force`, `REF_energy`, `enrgy`."""
    words = WANTED.get(name, (name,))
    whole = re.sub(r"[^a-z]", "", key.lower())
    parts = {part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", key)}
    if not parts.isdisjoint(words) or whole in words:
        return True
    return any(SequenceMatcher(None, whole, word).ratio() >= 0.85 for word in words)
