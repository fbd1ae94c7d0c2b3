"""What heads read of a molecule's function at a point."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from schnetpack_molfield import properties as keys
from schnetpack_molfield.nn.dense import ScaledDense
from schnetpack_molfield.nn.irreps import DEGREE, row_sizes

__all__ = ["FieldInvariants", "by_rank", "check_read"]


def by_rank(read: Tensor) -> tuple[Tensor, Tensor]:
    """Scalars (n_points, n_in) and the rows of degree l > 0 of F (n_points, n_rows, n_in)."""
    scalars, others = read.split([1, read.shape[1] - 1], dim=1)
    return scalars.squeeze(1), others


def check_read(inputs: dict[str, Tensor], n_in: int, degree: int) -> None:
    """Raise unless the representation has left a function of that width and degree."""
    if keys.axes not in inputs:
        raise KeyError("no 'field_axes' in the input: fields need the representation MolField")
    rows, width = inputs[keys.axes].shape[1], inputs[keys.axes].shape[2]
    if width != n_in or rows != (degree + 1) ** 2:
        raise ValueError(
            f"the representation's function has {width} channels (n_hidden) in {rows} rows, this "
            f"head expects n_in = {n_in} and the {(degree + 1) ** 2} rows of degree = {degree}: "
            "give both the same numbers"
        )


class FieldInvariants(nn.Module):
    r"""A hidden layer of invariants of a function's scalars, vectors and tensors at a point.

    .. math:: \phi(W [F_0, s(a_{lk})]), \quad a_{lmk} = \sum_j W^{(l)}_{jk} F_{lmj}, \quad
              s(a) = |a|^2 / \sqrt{|a|^2 + 1}

    for each degree l > 0: sizes are quadratic where they are small, so they are as smooth as F,
    and linear where they are large. Without biases: zero where F is.

    Args:
        n_in: width of the function.
        n_invariants: mixtures a of each degree.
        n_out: number of results.
        degree: largest degree of the function.
    """

    def __init__(self, n_in: int, n_invariants: int, n_out: int, degree: int = DEGREE) -> None:
        super().__init__()
        self.row_sizes = row_sizes(degree)[1:]
        weights = [ScaledDense(n_in, n_invariants, bias=False) for _ in self.row_sizes]
        self.mixing = nn.ModuleList(weights)
        self.hidden = ScaledDense(n_in + degree * n_invariants, n_out, bias=False)

    def forward(self, scalars: Tensor, others: Tensor) -> Tensor:
        """Map the scalars (n_points, n_in) of F, and the others, to (n_points, n_out).

        Args:
            scalars: shape (n_points, n_in).
            others: rows of degree l > 0, shape (n_points, n_rows - 1, n_in).
        """
        columns = [scalars]
        parts = others.split(self.row_sizes, dim=1)
        for i, mixing in enumerate(self.mixing):
            square = mixing(parts[i]).square().sum(dim=1)  # (n_points, n_invariants)
            columns.append(square * torch.rsqrt(square + 1))
        return F.silu(self.hidden(torch.cat(columns, dim=1)))
