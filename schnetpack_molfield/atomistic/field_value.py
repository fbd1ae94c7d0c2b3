"""Values of a molecule's function, mapped to channels, at any points of space."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from schnetpack_molfield import properties as keys
from schnetpack_molfield.atomistic.reading import FieldInvariants, by_rank, check_read
from schnetpack_molfield.nn.dense import ScaledDense
from schnetpack_molfield.nn.irreps import DEGREE

__all__ = ["FieldValue"]


class FieldValue(nn.Module):
    r"""A vector-valued field: a small map of what the molecule's function is at a point.

    .. math:: y(x) = W_1 F_0(x) + W_2\, \phi(W_3 [F_0, |v_k|, |t_k|, \dots](x))

    F is the function that the representation has left (see `FieldFunction`); :math:`F_0` are its
    scalars at x, and :math:`|v_k|, |t_k|` the sizes of a few mixtures of its vectors and tensors
    there (`FieldInvariants`). Without biases, so where the function ends the field does.

    ====================  =================  ===================================================
    key                   shape              meaning
    ====================  =================  ===================================================
    field_values          (n_points, ...)    read: the function at `field_points`
    `output_key`          (n_points, n)      written: the channels
    `gradient_key`        (n_points, n, 3)   written: their gradients, per Angstrom; if asked for
    ====================  =================  ===================================================

    Without `field_points` there is nothing to ask, and the result has no rows: a model for
    energies and fields runs molecular dynamics as it is.

    Args:
        n_in: width of the function, `n_hidden` of MolField (`n_atom_basis` by default).
        channels: names of the channels.
        units: unit of all channels.
        output_key: key of the result.
        gradient_key: key of the gradients, for losses that contain them; None doesn't write them.
        n_hidden: width of the hidden layer, `n_in` by default; 0 is a linear map of the scalars.
        n_invariants: mixtures of each degree whose size is read.
        degree: largest degree of the function, as in MolField.

    Raises:
        KeyError: when called behind a representation without a function.
        ValueError: when called behind a function of another width or degree.
    """

    def __init__(
        self,
        n_in: int,
        channels: Sequence[str],
        units: str = "",
        output_key: str = keys.field,
        gradient_key: str | None = None,
        n_hidden: int | None = None,
        n_invariants: int = 16,
        degree: int = DEGREE,
    ) -> None:
        super().__init__()
        n_hidden = n_in if n_hidden is None else n_hidden
        self.n_in = n_in
        self.degree = degree
        self.channels = list(channels)
        self.units = units
        self.output_key = output_key
        self.gradient_key = gradient_key or ""
        self.model_outputs = [output_key, gradient_key] if gradient_key else [output_key]
        self.required_derivatives = [keys.points] if gradient_key else []
        self.invariants = (
            FieldInvariants(n_in, n_invariants, n_hidden, degree) if n_hidden else None
        )
        self.out = ScaledDense(n_in + n_hidden, len(self.channels), bias=False)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the values at the points to the dictionary and return it."""
        self.check_function(inputs)
        if keys.values not in inputs:
            values = inputs[keys.axes].new_zeros(0, len(self.channels))
            gradients = values.new_zeros(0, len(self.channels), 3)
        else:
            points, read = inputs[keys.points], inputs[keys.values]
            values = self.values(read, points, inputs[keys.point_idx_m], inputs)
            gradients = self._gradients(values, points)
        inputs[self.output_key] = values
        if self.gradient_key:
            inputs[self.gradient_key] = gradients
        return inputs

    def check_function(self, inputs: dict[str, Tensor]) -> None:
        """Raise unless the representation has left a function that this head can read."""
        check_read(inputs, self.n_in, self.degree)

    def values(
        self,
        read: Tensor,  # (n_points, n_rows, n_in)
        points: Tensor,  # (n_points, 3)
        idx_m: Tensor,  # (n_points,)
        inputs: dict[str, Tensor],
    ) -> Tensor:
        """Channels (n_points, n_channels) at points of molecules, where F was read."""
        return self.of_function(read)

    def of_function(self, read: Tensor) -> Tensor:
        """The formula of the class docstring: F (n_points, n_rows, n_in) to channels."""
        scalars, others = by_rank(read)
        if self.invariants is not None:
            scalars = torch.cat([scalars, self.invariants(scalars, others)], dim=1)
        return self.out(scalars)

    def _gradients(self, values: Tensor, points: Tensor) -> Tensor:
        """Gradients (n_points, n_channels, 3), if there is a key for them."""
        columns: list[Tensor] = []
        if not self.gradient_key:
            return points.new_zeros(0, len(self.channels), 3)
        for column in values.unbind(1):
            gradient = torch.autograd.grad(
                [column.sum()], [points], create_graph=self.training, retain_graph=True
            )[0]
            assert gradient is not None  # for TorchScript: values depend on the points
            columns.append(gradient)
        return torch.stack(columns, dim=1)
