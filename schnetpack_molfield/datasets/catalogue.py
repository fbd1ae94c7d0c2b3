"""The properties an import knows: their shape, whether they belong to atoms, and their units."""

import re
from difflib import SequenceMatcher
from typing import NamedTuple

from schnetpack_molfield import properties as keys
from schnetpack_molfield.datasets import label_names
from schnetpack_molfield.datasets.label_names import OfQM9

__all__ = [
    "ARCHIVE_NAMES",
    "PROPERTIES",
    "VIRIAL",
    "WANTED",
    "Property",
    "is_gradient",
    "is_near",
    "is_per_atom_energy",
    "property_of",
]

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
    Property(label_names.energy, "energy", unit="eV", usual=True),
    Property(label_names.forces, "force", True, (_VECTOR,), "eV/Ang", True),
    Property(label_names.stress, "pressure", False, (_TENSOR,), "eV/Ang^3", True),
    Property(VIRIAL, "energy", False, (_TENSOR,), "eV", True),
    Property("dipole", "dipole", False, (_VECTOR,), "e Ang", True),
    Property("charges", "charge", True, unit="e", usual=True),
    Property("energies", "energy", True, unit="eV"),
    Property("stresses", "pressure", True, (_TENSOR,), "eV/Ang^3"),
    Property("magmom", "magnetic moment", unit="mu_B"),
    Property("magmoms", "magnetic moment", True, (_SCALAR, _VECTOR), "mu_B"),
    Property(label_names.dipole_moment, "dipole", False, (_SCALAR, _VECTOR)),
    Property(label_names.polarizability, "volume", False, (_TENSOR,)),
    Property("quadrupole", "quadrupole", False, (_TENSOR,)),
    Property(label_names.partial_charges, "charge", True, unit="e", usual=True),
    Property(label_names.total_charge, "charge", unit="e"),
    Property(label_names.spin_multiplicity, "number", unit="1"),
    Property(label_names.shielding, "shift", True, (_TENSOR,), "ppm"),
    Property(keys.time, "time"),
    # densities on grids
    Property(keys.electron_density, "number", False, None),
    Property(keys.grid_shape, "number", False, (_VECTOR,)),
    Property(keys.grid_origin, "length", False, (_VECTOR,)),
    Property(keys.grid_spacing, "length", False, (_SCALAR, _TENSOR)),
    # QM9
    Property(OfQM9.A, "frequency"),
    Property(OfQM9.B, "frequency"),
    Property(OfQM9.C, "frequency"),
    Property(OfQM9.alpha, "volume"),
    Property(OfQM9.homo, "energy"),
    Property(OfQM9.lumo, "energy"),
    Property(OfQM9.gap, "energy"),
    Property(OfQM9.r2, "area"),
    Property(OfQM9.zpve, "energy"),
    Property(OfQM9.U0, "energy"),
    Property(OfQM9.U, "energy"),
    Property(OfQM9.H, "energy"),
    Property(OfQM9.G, "energy", unit="eV"),  # the name of ASE's free energy as well
    Property(OfQM9.Cv, "heat capacity"),
]

PROPERTIES = {row.name: row for row in _TABLE}

#: Short names that archives use, and the names above.
ARCHIVE_NAMES = {
    "E": label_names.energy,
    "energies": label_names.energy,  # of every frame; ASE's are those of the atoms
    "F": label_names.forces,
    "force": label_names.forces,
    "virials": VIRIAL,
    "A": OfQM9.A,
    "B": OfQM9.B,
    "C": OfQM9.C,
    "mu": OfQM9.mu,
    "alpha": OfQM9.alpha,
    "r2": OfQM9.r2,
    "u0": OfQM9.U0,
    "u298": OfQM9.U,
    "h298": OfQM9.H,
    "g298": OfQM9.G,
    "cv": OfQM9.Cv,
}

_GRADIENTS = {"grad", "grads", "gradient", "gradients"}

#: Words that mean one of the properties which everybody wants.
WANTED = {
    label_names.energy: ("energy", "energies", "etot", "toten", "epot", "pote", "e"),
    label_names.forces: ("forces", "force", "frc", "f", *sorted(_GRADIENTS)),
    label_names.stress: ("stress",),
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
    if not _parts(key).isdisjoint(words) or whole in words:
        return True
    return any(SequenceMatcher(None, whole, word).ratio() >= 0.85 for word in words)


def is_gradient(key: str) -> bool:
    """Whether a key names the gradient of the energy, which is the forces with the other sign."""
    return not _parts(key).isdisjoint(_GRADIENTS)


def is_per_atom_energy(key: str) -> bool:
    """Whether a key says of an energy that it is divided by the number of atoms."""
    return re.search(r"per_?atom|/ *n?_?atom", key, re.IGNORECASE) is not None


def _parts(key: str) -> set[str]:
    """Words of a key: `REF_energy` and `TotEnergy` have an energy."""
    return {part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", key)}
