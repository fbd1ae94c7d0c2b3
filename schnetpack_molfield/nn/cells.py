"""The cell vectors in an order that volumes can be taken of."""

import torch
from schnetpack import properties
from torch import Tensor, nn

__all__ = ["RightHandedCell", "right_handed"]


def right_handed(cells: Tensor) -> Tensor:
    """The same lattices, by vectors whose triple product isn't negative.

    SchNetPack's `Forces` and `Response` divide by that product where the stress asks for the
    volume, so a left-handed cell (two vectors exchanged) turns the sign of the stress. All three
    vectors turned around span the same lattice, periodic along the same directions.

    Args:
        cells: vectors as rows (n_molecules, 3, 3); zeros stay zeros.
    """
    a, b, c = cells.unbind(dim=1)  # (n_molecules, 3)
    left_handed = (a * torch.linalg.cross(b, c)).sum(dim=1) < 0  # (n_molecules,)
    return torch.where(left_handed[:, None, None], -cells, cells)


class RightHandedCell(nn.Module):
    """Input module that makes cells right-handed, for any representation of SchNetPack's.

    This package's own representations do it themselves. It may stand before or after `Strain`.
    """

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Replace the cells and return the dictionary."""
        inputs[properties.cell] = right_handed(inputs[properties.cell])
        return inputs
