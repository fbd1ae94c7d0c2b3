"""A vector field: where the molecule's function points."""

import torch
from torch import Tensor, nn

from schnetpack_molfield import properties as keys
from schnetpack_molfield.atomistic.reading import FieldInvariants, by_rank, check_read
from schnetpack_molfield.nn.dense import ScaledDense
from schnetpack_molfield.nn.irreps import DEGREE

__all__ = ["VectorValue"]


class VectorValue(nn.Module):
    r"""A polar vector at every point, such as an electric field or a current.

    .. math:: y(x) = \sum_k g_k(x)\, F_{1k}(x), \qquad g = W_1 + W_2\, \phi(\dots)

    :math:`F_1` are the vectors of the molecule's function at x (see `FieldFunction`), g gates made
    of its invariants there (`FieldInvariants`). The result turns with the molecule and is zero
    where the function ends. It isn't the gradient of anything: for a field that is, learn its
    potential by `FieldValue` and ask for the gradient.

    ====================  =================  ===================================================
    key                   shape              meaning
    ====================  =================  ===================================================
    field_values          (n_points, ...)    read: the function at `field_points`
    `output_key`          (n_points, 3)      written: the vectors; no rows without points
    ====================  =================  ===================================================

    Args:
        n_in: width of the function, `n_hidden` of MolField (`n_atom_basis` by default).
        units: unit of the vectors.
        output_key: key of the result.
        n_hidden: width of the hidden layer, `n_in` by default.
        n_invariants: mixtures of each degree whose size is read.
        degree: largest degree of the function.

    Raises:
        KeyError: when called behind a representation without a function.
        ValueError: when called behind a function of another width or degree.
    """

    def __init__(
        self,
        n_in: int,
        units: str = "",
        output_key: str = "vector_field",
        n_hidden: int | None = None,
        n_invariants: int = 16,
        degree: int = DEGREE,
    ) -> None:
        super().__init__()
        n_hidden = n_hidden or n_in
        self.n_in = n_in
        self.degree = degree
        self.channels = ["x", "y", "z"]
        self.units = units
        self.output_key = output_key
        self.model_outputs = [output_key]
        self.invariants = FieldInvariants(n_in, n_invariants, n_hidden, degree)
        self.gates = ScaledDense(n_hidden, n_in, bias=False)
        self.weights = nn.Parameter(torch.randn(n_in) / n_in**0.5)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the vectors at the points to the dictionary and return it."""
        self.check_function(inputs)
        if keys.values in inputs:
            inputs[self.output_key] = self.of_function(inputs[keys.values])
        else:
            inputs[self.output_key] = inputs[keys.axes].new_zeros(0, 3)
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
        """Vectors (n_points, 3) at points of molecules, where F was read."""
        return self.of_function(read)

    def of_function(self, read: Tensor) -> Tensor:
        """Map F (n_points, n_rows, n_in) to vectors (n_points, 3), components x, y, z."""
        scalars, others = by_rank(read)
        gates = self.weights + self.gates(self.invariants(scalars, others))  # (n_points, n_in)
        return (others.narrow(1, 0, 3) @ gates.unsqueeze(2)).squeeze(2)
