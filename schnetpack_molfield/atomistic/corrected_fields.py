"""Learned fields that correct an exact function of the atoms, and keep its virtues."""

from typing import Any

import schnetpack.properties as properties
import torch
from torch import Tensor, nn

from schnetpack_molfield.atomistic.field_value import FieldValue
from schnetpack_molfield.fields import AtomFunction, PromoleculeDensity, molecular_surface

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
        atoms = (inputs[properties.Z], inputs[properties.R], inputs[properties.idx_m])
        return self.function(points, *atoms, idx_m)


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
        self, n_in: int, surface: str = "gaussian", output_key: str = "sdf", **options: Any
    ) -> None:
        super().__init__(n_in, molecular_surface(surface), output_key=output_key, **options)

    def values(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """Distances (n_points, 1)."""
        return self.baseline(points, idx_m, inputs) + self.sum_of_charts(points, idx_m, inputs)


class ElectronDensity(_CorrectedField):
    r"""Electron density: the promolecule times a learned factor.

    .. math:: \rho(x) = \rho_0(x) \exp(F(x))

    It is never negative, has the promolecule's nuclear peaks and decays with it; see `FieldValue`
    for keys and shapes. TorchScript runs it without points only.

    Args:
        n_in: number of channels of the charts.
        units: `e/Ang^3` or `e/bohr^3`.
        output_key: key of the result.
        options: further arguments of `FieldValue`.
    """

    def __init__(
        self,
        n_in: int,
        units: str = "e/Ang^3",
        output_key: str = "electron_density",
        **options: Any,
    ) -> None:
        super().__init__(n_in, PromoleculeDensity(units), output_key=output_key, **options)

    def values(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """Densities (n_points, 1)."""
        factor = torch.exp(self.sum_of_charts(points, idx_m, inputs))  # (n_points, 1)
        return self.baseline(points, idx_m, inputs) * factor
