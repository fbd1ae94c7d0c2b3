"""Units in which all numbers of charts are of order one, as noise is."""

import torch
from torch import Tensor, nn

from schnetpack_molfield.generation.charts import center, split_rows
from schnetpack_molfield.representation import ChartSizes

__all__ = ["ChartScaling"]

#: Spread below which a number counts as constant and stays as it is.
SMALLEST = 1e-3


class ChartScaling(nn.Module):
    """Shifts scalars and divides all numbers by their spread, which the data set.

    Positions have one unit, and so has every vector and tensor, so directions stay what they are.

    Args:
        sizes: what charts hold.
    """

    shift: Tensor
    unit: Tensor

    def __init__(self, sizes: ChartSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.register_buffer("shift", torch.zeros(sum(sizes.parts) - 1))
        self.register_buffer("unit", torch.ones(sum(sizes.parts) - 1))

    def fit(self, rows: Tensor, mask: Tensor) -> None:
        """Take the units from data.

        Args:
            rows: shape (n_sets, n_charts, n_numbers).
            mask: which of them are charts, shape (n_sets, n_charts).
        """
        positions, numbers = split_rows(rows[mask].unsqueeze(0), self.sizes)
        scalars, *others = numbers
        shifts = [torch.zeros_like(part[0, 0]) for part in numbers]
        shifts[0] = scalars.mean(dim=(0, 1))
        spreads = [scalars.std(dim=(0, 1)).expand_as(scalars[0, 0])]
        spreads += [x.square().mean(dim=(0, 1, 2)).sqrt().expand_as(x[0, 0]) for x in others]
        length = positions.square().mean().sqrt().expand(3)
        unit = torch.cat([length, *(spread.flatten() for spread in spreads)])
        self.unit.copy_(torch.where(unit > SMALLEST, unit, torch.ones_like(unit)))
        self.shift.copy_(torch.cat([torch.zeros_like(length), *(s.flatten() for s in shifts)]))

    @property
    def length(self) -> float:
        """Unit of positions in Angstrom."""
        return float(self.unit[0])

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        """Rows in units of order one; shapes as in `fit`."""
        return center((rows - self.shift) / self.unit, mask)

    def inverse(self, rows: Tensor, mask: Tensor) -> Tensor:
        """Rows in their own units again."""
        return center(rows * self.unit + self.shift, mask)
