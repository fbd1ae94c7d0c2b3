"""Cell vectors as volumes and neighbour lists need them."""

import torch
from ase.cell import Cell
from schnetpack import properties
from torch import Tensor, nn

__all__ = ["RightHandedCell", "completed", "right_handed"]


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


def completed(cell: Tensor, pbc: Tensor) -> Tensor:
    """The cell of a slab or wire with vectors of length 1 where it isn't periodic and has none.

    A neighbour list needs three vectors; one that takes the atoms' extent for a missing one finds
    pairs too many. The new ones are perpendicular to the others, by ASE's `Cell.complete`.

    Args:
        cell: vectors as rows, (3, 3).
        pbc: periodic directions, (3,). A zero vector of one of them stays.
    """
    missing = ~pbc & (cell == 0).all(dim=1)  # (3,)
    if not missing.any() or not pbc.any():
        return cell
    whole = torch.tensor(Cell(cell.numpy(force=True)).complete().array).to(cell)
    return torch.where(missing[:, None], whole, cell)


class RightHandedCell(nn.Module):
    """Input module that makes cells right-handed, for any representation of SchNetPack's.

    This package's own representations do it themselves. It may stand before or after `Strain`.
    """

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Replace the cells and return the dictionary."""
        inputs[properties.cell] = right_handed(inputs[properties.cell])
        return inputs
