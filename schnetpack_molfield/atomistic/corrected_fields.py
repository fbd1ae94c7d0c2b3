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
    add_quadrature,
    molecular_surface,
)
from schnetpack_molfield.fields.promolecule import DENSITY_UNITS

__all__ = ["ElectronDensity", "ElectronQuadrature", "SignedDistance"]


class _CorrectedField(FieldValue):
    """A field with the channels of an exact function, at which it starts.

    Args:
        n_in: width of the function, see `FieldValue`.
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
        n_in: width of the function, see `FieldValue`.
        surface: the distance it starts from, see `fields.molecular_surface`; `gaussian` is smooth
            everywhere.
        output_key: key of the result, Angstrom.
        options: further arguments of `FieldValue`; `gradient_key` for Eikonal and normals.
    """

    def __init__(
        self, n_in: int, surface: str = "gaussian", output_key: str = keys.sdf, **options: Any
    ) -> None:
        super().__init__(n_in, molecular_surface(surface), output_key=output_key, **options)

    def values(
        self, read: Tensor, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]
    ) -> Tensor:
        """Distances (n_points, 1) at points of molecules, where F was read."""
        return self.baseline(points, idx_m, inputs) + self.of_function(read)


class ElectronDensity(_CorrectedField):
    r"""Electron density: the core of the promolecule, and its valence times a learned factor.

    .. math:: \rho(x) = \rho_{core}(x) + \rho_{valence}(x) \exp(F(x))

    It is never negative, has the promolecule's nuclear peaks and decays with it. The core is left
    alone because a bond hardly changes it, whereas a small relative error there outweighs all
    others. See `FieldValue` for keys and shapes. TorchScript runs it without points only.

    With `conserve_electrons` it is divided by its integral over all space and multiplied by the
    number of electrons, that of the protons less `total_charge` where the input has one. The
    integral is the promolecule's, which is known, plus that of the difference on the points of
    `ElectronQuadrature`, so it costs as much as asking the field there.

    Args:
        n_in: width of the function, see `FieldValue`.
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
    def core(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """Density of the core electrons (n_points, 1)."""
        return _exact(self.core_function, points, idx_m, inputs)

    def values(
        self, read: Tensor, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]
    ) -> Tensor:
        """Densities (n_points, 1) at points of molecules, where F was read."""
        factor = torch.exp(self.of_function(read))  # (n_points, 1)
        density = self.core(points, idx_m, inputs) + self.baseline(points, idx_m, inputs) * factor
        if self.conserve_electrons:
            density = density * self.normalization(inputs)[idx_m].unsqueeze(1)
        return density

    @torch.jit.unused
    def normalization(self, inputs: dict[str, Tensor]) -> Tensor:
        """Electrons over the integral of the density, (n_molecules,); kept in `inputs`."""
        key = f"{keys.kept}_{self.output_key}"  # until the molecules are represented again
        if key not in inputs:
            inputs[key] = self._normalization(inputs)
        return inputs[key]

    def _normalization(self, inputs: dict[str, Tensor]) -> Tensor:
        if keys.quadrature_values not in inputs:
            raise KeyError(
                "conserve_electrons needs the function on a quadrature: add "
                "schnetpack_molfield.atomistic.ElectronQuadrature to the model's input_modules"
            )
        points, idx_m = inputs[keys.quadrature_points], inputs[keys.quadrature_idx_m]
        n_molecules = len(inputs[properties.n_atoms])
        change = torch.expm1(self.of_function(inputs[keys.quadrature_values]))  # (n_points, 1)
        density = self.baseline(points, idx_m, inputs) * change / self.per_electron
        weighted = inputs[keys.quadrature_weights] * density.squeeze(1)
        change = scatter_add(weighted, idx_m, dim_size=n_molecules)
        numbers = inputs[properties.Z].to(points)
        protons = scatter_add(numbers, inputs[properties.idx_m], dim_size=n_molecules)
        charge = inputs.get(properties.total_charge, torch.zeros_like(protons))
        return (protons - charge) / (protons + change)


class ElectronQuadrature(nn.Module):
    """Input module that asks the molecule's function on atom-centred quadratures, too.

    Put it into the `input_modules` of a model whose `ElectronDensity` conserves electrons. The
    directions of the rule don't turn with the molecule, so neither does its error: densities that
    are normalised by it turn exactly only up to that (7e-7 for small molecules).

    ========================  ============  ============================================
    key                       shape         meaning
    ========================  ============  ============================================
    field_quadrature_points   (n, 3)        written: 1,720 points per atom, Angstrom
    field_quadrature_idx_m    (n,)          written: the molecule of each
    field_quadrature_weights  (n,)          written: their weights, Angstrom^3
    ========================  ============  ============================================

    Args:
        n_radial: radial points of the rule.
        degree: degree to which the rule on a sphere is exact, see `atom_centered_quadrature`.
    """

    def __init__(self, n_radial: int = 20, degree: int = 15) -> None:
        super().__init__()
        self.n_radial = n_radial
        self.degree = degree

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the keys of the class docstring to the dictionary and return it."""
        add_quadrature(inputs, self.n_radial, self.degree)
        return inputs
