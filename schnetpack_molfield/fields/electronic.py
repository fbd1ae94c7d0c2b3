"""What a field with an electron density is asked for: moments, charges, and further fields."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from schnetpack_molfield.checks import check_choice
from schnetpack_molfield.fields.around_atoms import FieldAroundAtoms

if TYPE_CHECKING:
    from schnetpack_molfield.densities.difference import DensityDifference

__all__ = ["ElectronicField"]

# `schnetpack_molfield.densities` is made of fields, and is imported when it is asked for


class ElectronicField(FieldAroundAtoms):
    """Questions to an electron density, which must be one of all electrons of the molecule.

    Each takes the name of the channel; it may be left out if one channel only is a density. The
    charge of the molecule is `atoms.info["charge"]`, 0 without it; a density that misses the right
    number of electrons by a little is scaled.

    Raises:
        ValueError: if the channel is no density, or one of another number of electrons.
    """

    def dipole(
        self,
        channel: str | None = None,
        units: str = "Debye",
        origin: ArrayLike | None = None,
    ) -> Tensor:
        """Dipole moment (3,), from the negative to the positive charge.

        Args:
            channel: name of the density.
            units: "Debye", "e*Ang" or "e*bohr".
            origin: (3,) in Angstrom, which matters to ions; the centre of the nuclear charges if
                None.
        """
        from schnetpack_molfield.densities.moments import dipole_moment
        from schnetpack_molfield.densities.units import DIPOLE_UNITS, moment_factor

        factor = moment_factor(units, DIPOLE_UNITS)
        return factor * dipole_moment(self.difference(channel), origin)

    def quadrupole(
        self,
        channel: str | None = None,
        units: str = "Debye*Ang",
        origin: ArrayLike | None = None,
    ) -> Tensor:
        """Traceless quadrupole moment (3, 3), that of charge times (3 x x^T - |x|^2 I) / 2.

        Args:
            channel: name of the density.
            units: "Debye*Ang", "e*Ang^2" or "e*bohr^2".
            origin: (3,) in Angstrom, which matters where there is a dipole moment; the centre of
                the nuclear charges if None.
        """
        from schnetpack_molfield.densities.moments import quadrupole_moment
        from schnetpack_molfield.densities.units import QUADRUPOLE_UNITS, moment_factor

        factor = moment_factor(units, QUADRUPOLE_UNITS)
        return factor * quadrupole_moment(self.difference(channel), origin)

    def charges(self, scheme: str = "hirshfeld", channel: str | None = None) -> Tensor:
        """Charges of the atoms (n_atoms,) in e, whose sum is the charge of the molecule.

        Args:
            scheme: "hirshfeld", or "mbis" (minimal basis iterative stockholder).
            channel: name of the density.
        """
        from schnetpack_molfield.densities.charges import SCHEMES, atomic_charges

        check_choice("scheme", scheme, SCHEMES)
        return atomic_charges(self.difference(channel), scheme)

    def potential(self, points: ArrayLike | Tensor, channel: str | None = None) -> Tensor:
        """Electrostatic potential (n_points,) in V of nuclei and electrons.

        The same as `derived("esp")(points)`, which is worked out once.

        Args:
            points: (n_points, 3) in Angstrom.
            channel: name of the density.
        """
        return self.derived("esp", channel)(points).squeeze(1)

    def derived(self, name: str, channel: str | None = None) -> Any:
        """Another field that follows from the density, to be asked, drawn and written like any.

        | name               | channels                   | unit    |
        |--------------------|----------------------------|---------|
        | `esp`              | `electrostatic_potential`  | V       |
        | `electric_field`   | `electric_field_x`, y, z   | V/Ang   |
        | `laplacian`        | `density_laplacian`        | e/Ang^5 |
        | `reduced_gradient` | `reduced_gradient`         | -       |
        | `contacts`         | reduced gradient, no bonds | -       |
        | `signed_density`   | density, sign of contacts  | e/Ang^3 |
        | `deformation`      | density minus promolecule  | e/Ang^3 |

        Args:
            name: which one.
            channel: name of the density.
        """
        from schnetpack_molfield.densities.derived import DERIVED

        check_choice("derived field", name, list(DERIVED))
        if (name, channel) not in self._derived:
            self._derived[name, channel] = DERIVED[name](self, channel)
        return self._derived[name, channel]

    def to_pyscf_guess(
        self, mol: Any, basis: str | None = None, channel: str | None = None
    ) -> np.ndarray:
        """A density matrix to start PySCF from: `mean_field.kernel(dm0=...)`.

        The orbitals are those in the local Kohn-Sham potential of the density.

        Args:
            mol: PySCF's molecule, with the same atoms in the same order.
            basis: another basis for the matrix than that of the molecule.
            channel: name of the density.

        Returns:
            (n_ao, n_ao), or (2, n_ao, n_ao) for both spins if some electrons are unpaired.
        """
        from schnetpack_molfield.densities.scf_start import density_matrix_of

        if basis is not None:
            mol = mol.copy()
            mol.basis = basis
            mol.build()
        return density_matrix_of(self, mol, channel)

    def quantity(self, name: str) -> Any:
        """A field of one channel of this field, or of a derived one, alone.

        Args:
            name: of a channel, of a derived field (all its channels), or `electric_field_x`, y, z.

        Raises:
            ValueError: if there is none of this name.
        """
        from schnetpack_molfield.densities.derived import DERIVED
        from schnetpack_molfield.densities.field_like import only_channel

        if name in self.channels:
            return only_channel(self, name)
        if name in DERIVED:
            return self.derived(name)
        vector = name[:-2] if name[-2:] in ("_x", "_y", "_z") else name
        check_choice("channel", vector if vector in DERIVED else name, [*self.channels, *DERIVED])
        return only_channel(self.derived(vector), name)

    @cached_property
    def _derived(self) -> dict[tuple[str, str | None], Any]:
        """Derived fields that were asked for, by name and channel."""
        return {}

    def difference(self, channel: str | None = None) -> DensityDifference:
        """The density minus that of the promolecule on a quadrature, which is worked out once."""
        from schnetpack_molfield.densities.difference import density_difference

        if channel not in self._differences:
            self._differences[channel] = density_difference(self, channel)
        return self._differences[channel]

    @cached_property
    def _differences(self) -> dict[str | None, DensityDifference]:
        """Differences that were asked for, by channel."""
        return {}
