"""Radii and properties of the elements, from the tables of ASE and mendeleev."""

from __future__ import annotations

from collections.abc import Mapping

import ase.data
import ase.data.vdw_alvarez
import numpy as np
import torch
from torch import Tensor

from schnetpack_molfield.checks import atomic_number, check_choice, optional_import

__all__ = ["N_ELEMENTS", "ElementTable", "atomic_number", "property_table", "radii_table"]

#: Radii in Angstrom by atomic number. "vdw": Bondi 1964 and later sources, see `ase.data.vdw`;
#: "vdw_alvarez": Alvarez, Dalton Trans. 42, 8617 (2013); "covalent": Cordero et al., Dalton
#: Trans., 2832 (2008).
RADII: dict[str, np.ndarray] = {
    "vdw": ase.data.vdw_radii,
    "vdw_alvarez": ase.data.vdw_alvarez.vdw_radii,
    "covalent": ase.data.covalent_radii,
}

#: Properties by our name and by mendeleev's; any other numerical column of its table of elements
#: can be asked for by mendeleev's name.
PROPERTIES: dict[str, str] = {
    "electronegativity": "en_pauling",
    "polarizability": "dipole_polarizability",
    "electron_affinity": "electron_affinity",
    "wigner_seitz_density": "miedema_electron_density",
}

N_ELEMENTS = len(ase.data.chemical_symbols)


class ElementTable:
    """A number for every element, NaN where there is none.

    Args:
        name: what the numbers are, for error messages.
        values: (n_elements,) by atomic number.
    """

    def __init__(self, name: str, values: np.ndarray) -> None:
        self.name = name
        self.values = torch.full((N_ELEMENTS,), float("nan"), dtype=torch.float64)
        n = min(N_ELEMENTS, len(values))
        self.values[:n] = torch.as_tensor(np.array(values[:n], dtype=float))
        self.values[0] = 1.0  # stands for "no atom" in padded batches

    def __call__(self, numbers: Tensor, like: Tensor) -> Tensor:
        """Values by atomic number, in the dtype and on the device of `like`.

        Raises:
            ValueError: if the table has no value for one of the elements.
        """
        found = self.values.to(numbers.device)[numbers]
        missing = numbers[found.isnan()]
        if len(missing):
            symbol = ase.data.chemical_symbols[int(missing[0])]
            raise ValueError(f"no {self.name} is tabulated for {symbol}")
        return found.to(like)


def radii_table(radii: str | Mapping[str, float]) -> ElementTable:
    """Radii in Angstrom by name, or van der Waals radii with some replaced.

    Args:
        radii: "vdw", "vdw_alvarez" or "covalent", or a radius per element symbol, as
            {"H": 1.1}, for elements that shall not have their van der Waals radius.
    """
    if isinstance(radii, str):
        check_choice("radii", radii, list(RADII))
        return ElementTable(f"{radii} radius", RADII[radii])
    values = np.array(RADII["vdw"])
    for symbol, radius in radii.items():
        if not radius > 0:
            raise ValueError(f"the radius of {symbol} must be positive, got {radius}")
        values[atomic_number(symbol)] = radius
    return ElementTable("radius", values)


def property_table(name: str) -> ElementTable:
    """A property of the elements from mendeleev (extra `chem`).

    Args:
        name: a key of `PROPERTIES` or a numerical column of mendeleev's table of elements;
            electronegativity is Pauling's, wigner_seitz_density is Miedema's electron density
            at the boundary of the Wigner-Seitz cell.
    """
    elements = optional_import("mendeleev.fetch", "chem").fetch_table("elements")
    numeric = elements.set_index("atomic_number").select_dtypes("number")
    check_choice("atomic property", name, [*PROPERTIES, *numeric])
    values = numeric[PROPERTIES.get(name, name)].reindex(range(N_ELEMENTS)).to_numpy(dtype=float)
    return ElementTable(name, values)
