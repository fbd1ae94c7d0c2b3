"""Learned fields that correct an exact function of the atoms, and keep its virtues."""

from typing import Any

import schnetpack.properties as properties
import torch
from schnetpack.nn import scatter_add
from torch import Tensor, nn

from schnetpack_molfield import properties as keys
from schnetpack_molfield.atomistic.field_value import FieldValue
from schnetpack_molfield.fields import (
    AtomFunction,
    PromoleculeDensity,
    atom_centered_quadrature,
    molecular_surface,
)
from schnetpack_molfield.fields.promolecule import DENSITY_UNITS

__all__ = ["ElectronDensity", "SignedDistance"]


class _CorrectedField(FieldValue):
    """A field with the channels of an exact function, at which it starts.

    Args:
        n_in: number of channels of the charts.
        function: the exact function.
        options: further arguments of `FieldValue`.
    """

    def __init__(self, n_in: int, function: AtomFunction, **options: Any) -> None:
        super().__init__(n_in, function.channels, function.units, **options)
        self.function = function
        nn.init.zeros_(self.out.weight)

    # a scripted model runs without points: MD with the energies of a model that has a field, too
    @torch.jit.unused
    def baseline(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """The exact function (n_points, n_channels), of points in the order of the molecules."""
        return _exact(self.function, points, idx_m, inputs)


def _exact(
    function: AtomFunction, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]
) -> Tensor:
    """A function of the atoms (n_points, n_channels); a ValueError if there are none any more."""
    if not inputs[properties.Z].all():
        raise ValueError(
            "SignedDistance and ElectronDensity start from a function of the atoms, but this "
            "representation leaves charts without elements: use LearnedDistance or FieldValue"
        )
    atoms = (inputs[properties.Z], inputs[properties.R], inputs[properties.idx_m])
    return function(points, *atoms, idx_m)


class SignedDistance(_CorrectedField):
    """Signed distance to a molecular surface: a smooth exact distance plus what is learned.

    Far from the molecule it is the exact function; see `FieldValue` for keys and shapes.
    TorchScript runs it without points only.

    Args:
        n_in: number of channels of the charts.
        surface: the distance it starts from, see `fields.molecular_surface`; `gaussian` is smooth
            everywhere.
        output_key: key of the result, Angstrom.
        options: further arguments of `FieldValue`; `gradient_key` for Eikonal and normals.
    """

    def __init__(
        self, n_in: int, surface: str = "gaussian", output_key: str = keys.sdf, **options: Any
    ) -> None:
        super().__init__(n_in, molecular_surface(surface), output_key=output_key, **options)

    def values(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """Distances (n_points, 1)."""
        return self.baseline(points, idx_m, inputs) + self.sum_of_charts(points, idx_m, inputs)


class ElectronDensity(_CorrectedField):
    r"""Electron density: the core of the promolecule, and its valence times a learned factor.

    .. math:: \rho(x) = \rho_{core}(x) + \rho_{valence}(x) \exp(F(x))

    It is never negative, has the promolecule's nuclear peaks and decays with it. The core is left
    alone because a bond hardly changes it, whereas a small relative error there outweighs all
    others. See `FieldValue` for keys and shapes. TorchScript runs it without points only.

    With `conserve_electrons` it is divided by its integral over all space and multiplied by the
    number of electrons, that of the protons less `total_charge` where the input has one. The
    integral is the promolecule's, which is known, plus that of the difference on 2,560 points per
    atom, so it costs as much as asking the field there.

    Args:
        n_in: number of channels of the charts.
        units: `e/Ang^3` or `e/bohr^3`.
        output_key: key of the result.
        conserve_electrons: normalise to the number of electrons.
        options: further arguments of `FieldValue`.
    """

    def __init__(
        self,
        n_in: int,
        units: str = "e/Ang^3",
        output_key: str = keys.electron_density,
        conserve_electrons: bool = False,
        **options: Any,
    ) -> None:
        valence = PromoleculeDensity(units, "valence")
        super().__init__(n_in, valence, output_key=output_key, **options)
        self.core_function = PromoleculeDensity(units, "core")
        self.conserve_electrons = conserve_electrons
        self.per_electron = DENSITY_UNITS[units]  # of the integral over cubic Angstrom

    @torch.jit.unused
    def prepare(self, inputs: dict[str, Tensor]) -> None:
        """Add `field_normalization` (n_molecules,), if the number of electrons is conserved."""
        if self.conserve_electrons:
            n_electrons, integral = self._count(inputs)
            inputs[keys.normalization] = n_electrons / integral

    @torch.jit.unused
    def core(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """Density of the core electrons (n_points, 1)."""
        return _exact(self.core_function, points, idx_m, inputs)

    def values(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """Densities (n_points, 1)."""
        factor = torch.exp(self.sum_of_charts(points, idx_m, inputs))  # (n_points, 1)
        density = self.core(points, idx_m, inputs) + self.baseline(points, idx_m, inputs) * factor
        if self.conserve_electrons:
            density = density * inputs[keys.normalization][idx_m].unsqueeze(1)
        return density

    def _count(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Number of electrons and integral of the density, (n_molecules,) each."""
        numbers, positions = inputs[properties.Z], inputs[properties.R]
        idx_m, n_molecules = inputs[properties.idx_m], len(inputs[properties.n_atoms])
        points, weights = atom_centered_quadrature(numbers, positions, 20, 8, idx_m)
        point_idx_m = idx_m.repeat_interleave(len(points) // len(numbers))
        change = torch.expm1(self.sum_of_charts(points, point_idx_m, inputs))  # (n_points, 1)
        density = self.baseline(points, point_idx_m, inputs) * change / self.per_electron
        protons = scatter_add(numbers.to(positions), idx_m, dim_size=n_molecules)
        change = scatter_add(weights * density.squeeze(1), point_idx_m, dim_size=n_molecules)
        charge = inputs.get(properties.total_charge, torch.zeros_like(protons))
        return protons - charge, protons + change
