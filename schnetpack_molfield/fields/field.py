"""A function of space with named channels: values, derivatives and integrals at any points."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from schnetpack_molfield.checks import check_choice, check_points
from schnetpack_molfield.fields.derivatives import (
    Evaluate,
    channel_gradient,
    channel_laplacian,
)
from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.fields.units import unit_factor
from schnetpack_molfield.progress import watched

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Field"]


class Field:
    """A vector-valued function F: R^3 -> R^n_channels, evaluated block by block.

    Points are (n_points, 3) in Angstrom in the lab frame: tensors, arrays or lists. They are
    brought to the field's dtype and device. If they require gradients so do the results;
    otherwise nothing is recorded and memory does not grow with the number of points.

    | call                   | shape                     | unit                        |
    |------------------------|---------------------------|-----------------------------|
    | `field(points)`        | (n_points, n_channels)    | `units[channel]`            |
    | `field.gradient(...)`  | (n_points, n_channels, 3) | `units[channel]` / Angstrom |
    | `field.laplacian(...)` | (n_points, n_channels)    | `units[channel]` / A^2      |
    | `field.integral(...)`  | a number                  | `units[channel]` * A^3      |

    Args:
        evaluate: function from points (n, 3), of the field's dtype and device, to channels
            (n, n_channels), row by row.
        channels: names of the channels.
        units: unit of every channel, or one unit for all.
        dtype: precision; torch's default dtype if None.
        device: where to compute.
        block_size: number of points evaluated together.
    """

    def __init__(
        self,
        evaluate: Evaluate,
        channels: Sequence[str],
        units: str | Mapping[str, str] = "",
        dtype: torch.dtype | None = None,
        device: torch.device | str = "cpu",
        block_size: int = 65536,
    ) -> None:
        self.evaluate = evaluate
        self.channels = list(channels)
        self.units = dict.fromkeys(self.channels, units) if isinstance(units, str) else dict(units)
        self.dtype = dtype or torch.get_default_dtype()
        self.device = torch.device(device)
        self.block_size = block_size

    def __call__(self, points: ArrayLike | Tensor) -> Tensor:
        """Values (n_points, n_channels) at `points` (n_points, 3)."""
        return self._in_blocks(lambda evaluate, x: evaluate(x), points)

    def gradient(self, points: ArrayLike | Tensor) -> Tensor:
        """Gradients (n_points, n_channels, 3) at `points` (n_points, 3)."""
        return self._in_blocks(channel_gradient, points)

    def laplacian(self, points: ArrayLike | Tensor) -> Tensor:
        """Laplacians (n_points, n_channels) at `points` (n_points, 3)."""
        return self._in_blocks(channel_laplacian, points)

    def integral(
        self, channel: str | None = None, *, box: ArrayLike, spacing: float = 0.1
    ) -> float:
        """Integral over a box by the midpoint rule, whose error falls with spacing^2.

        Args:
            channel: name of the channel; may be left out if there is only one.
            box: (2, 3) lower and upper corner in Angstrom.
            spacing: longest edge of a cell in Angstrom.
        """
        column = self.index(channel)
        lower, upper = _corners(box)
        grid = Grid.midpoints(lower, upper, spacing)
        values = self(grid.points)[:, column]  # (n_points,)
        return float(values.double().sum()) * grid.cell_volume

    def in_units(self, units: str, channel: str | None = None) -> Self:
        """The same field with a channel in another unit.

        Args:
            units: a unit of the same quantity, for example "e/bohr^3" for a density.
            channel: name of the channel; may be left out if there is only one.

        Raises:
            ValueError: if the channel's unit can't be converted to this one.
        """
        column = self.index(channel)
        name = self.channels[column]
        factor = unit_factor(self.units[name], units)
        factors = torch.ones(len(self.channels), dtype=self.dtype, device=self.device)
        factors[column] = factor
        converted, evaluate = copy(self), self.evaluate
        converted.evaluate = lambda points: evaluate(points) * factors  # (n_points, n_channels)
        converted.units = {**self.units, name: units}
        return converted

    def index(self, channel: str | None = None) -> int:
        """Column of a channel.

        Raises:
            ValueError: if there is no such channel, or none is named and there are several.
        """
        if channel is None and len(self.channels) == 1:
            return 0
        if channel is None:
            raise ValueError(f"name a channel, one of: {', '.join(self.channels)}")
        check_choice("channel", channel, self.channels)
        return self.channels.index(channel)

    def label(self, channel: str | None = None) -> str:
        """Name and unit of a channel, for people."""
        name = self.channels[self.index(channel)]
        return f"{name} ({self.units[name]})" if self.units[name] else name

    def _in_blocks(
        self, operation: Callable[[Evaluate, Tensor], Tensor], points: ArrayLike | Tensor
    ) -> Tensor:
        """Apply `operation` to blocks of points and join the results."""
        points = self._as_points(points)  # (n_points, 3)
        with torch.set_grad_enabled(points.requires_grad):
            blocks = points.split(self.block_size) if len(points) else (points,)
            shown = watched(blocks, "blocks of points")
            return torch.cat([operation(self._evaluate_checked, block) for block in shown])

    def _as_points(self, points: ArrayLike | Tensor) -> Tensor:
        """`points` as a checked tensor (n_points, 3) of the field's dtype on its device.

        Arrays are copied: after an error in a backward pass, autograd may hold a tensor until
        the interpreter has ended, and one that borrows an array's memory then waits for ever.
        """
        tensor = points if isinstance(points, Tensor) else torch.tensor(np.asarray(points))
        tensor = tensor.to(dtype=self.dtype, device=self.device)
        check_points(tensor)
        return tensor

    def _evaluate_checked(self, points: Tensor) -> Tensor:
        """Values of the wrapped function, whose shape must be what the channels say."""
        values = self.evaluate(points)  # (n_points, n_channels)
        expected = (len(points), len(self.channels))
        if tuple(values.shape) != expected:
            raise ValueError(
                f"the field's function returned shape {tuple(values.shape)}, expected {expected} "
                f"for the channels {', '.join(self.channels)}"
            )
        return values


def _corners(box: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper corner (3,) of a box given as (2, 3)."""
    corners = np.asarray(box, dtype=float)
    if corners.shape != (2, 3):
        raise ValueError(f"box must have shape (2, 3), lower and upper corner, got {corners.shape}")
    return corners[0], corners[1]
