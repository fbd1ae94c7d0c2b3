"""Per-sample transforms that choose where a field is looked at, and what it is there.

They write `field_points` (n_points, 3) and `field_n_points` (1,), which SchNetPack's collate
function joins to a batch as `FieldValue` expects it, and the target. Positions must not be moved
after them: transforms such as `SubtractCenterOfMass` come before, casts behind.
"""

import numpy as np
import torch
from schnetpack import properties
from schnetpack.transform import Transform
from torch import Tensor

from schnetpack_molfield import properties as keys
from schnetpack_molfield.fields import AtomFunction, molecular_surface
from schnetpack_molfield.transform.sampling import (
    box_weights,
    by_gradient,
    in_box,
    near_atoms,
    near_surface,
)

__all__ = ["FieldPoints", "GivenPoints", "GridPoints"]

Inputs = dict[str, Tensor]


def _generator(seed: int | None, inputs: Inputs) -> torch.Generator | None:
    """Random numbers of a sample: the same every time if there is a seed."""
    if seed is None:
        return None
    index = int(inputs[properties.idx]) if properties.idx in inputs else 0
    mixed = np.random.SeedSequence([seed, index]).generate_state(1)
    return torch.Generator().manual_seed(int(mixed[0]))


def _write(inputs: Inputs, points: Tensor, target: Tensor, key: str) -> Inputs:
    inputs[keys.points] = points
    inputs[keys.n_points] = torch.tensor([len(points)])
    inputs[key] = target
    return inputs


class FieldPoints(Transform):
    """Points around a molecule, with an exact function of its atoms as the target.

    Args:
        function: the function; its channels are the target's columns.
        output_key: key of the target, (n_points, n_channels).
        gradient_key: key of its gradients (n_points, n_channels, 3); None doesn't write them.
        n_near_atoms: points normally distributed around the atoms.
        n_in_box: points uniformly distributed in a box around the molecule.
        n_near_surface: points on both sides of a molecular surface.
        n_by_gradient: points in the box where the function is steep.
        width: standard deviation around the atoms in Angstrom.
        margin: distance of the box from the atoms in Angstrom.
        surface: which surface, see `fields.molecular_surface`.
        surface_width: standard deviation around the surface in Angstrom.
        seed: same points for a sample in every epoch, whatever the number of workers; None: new
            ones each time, from the random numbers of the loader (its workers), which
            `seed_everything` makes reproducible.
        weight_key: key of weights (n_points, 1) for `train.WeightPoints`; None doesn't write them.
            The density of points in the box over that of all points: the mean of a weighted
            function is on average its mean over the box, however many points are near atoms. No
            weight is larger than the number of points over `n_in_box`.

    Raises:
        ValueError: if there are no points to draw, or weights are wanted and there are none in
            the box, or some of a kind whose density isn't known.
    """

    is_preprocessor: bool = True
    is_postprocessor: bool = False

    def __init__(
        self,
        function: AtomFunction,
        output_key: str = keys.field,
        gradient_key: str | None = None,
        n_near_atoms: int = 256,
        n_in_box: int = 128,
        n_near_surface: int = 0,
        n_by_gradient: int = 0,
        width: float = 1.0,
        margin: float = 3.0,
        surface: str = "gaussian",
        surface_width: float = 0.2,
        seed: int | None = None,
        weight_key: str | None = None,
    ) -> None:
        super().__init__()
        if n_near_atoms + n_in_box + n_near_surface + n_by_gradient <= 0:
            raise ValueError("no points: set n_near_atoms, n_in_box, n_near_surface, n_by_gradient")
        if weight_key and (n_in_box <= 0 or n_near_surface + n_by_gradient > 0):
            raise ValueError(
                "weights need points in the box beside those near atoms, and none near the surface "
                "or by the gradient: set n_in_box, and n_near_surface and n_by_gradient to 0"
            )
        self.function = function
        self.output_key = output_key
        self.gradient_key = gradient_key
        self.n_near_atoms = n_near_atoms
        self.n_in_box = n_in_box
        self.n_near_surface = n_near_surface
        self.n_by_gradient = n_by_gradient
        self.width = width
        self.margin = margin
        self.surface = molecular_surface(surface)
        self.surface_width = surface_width
        self.seed = seed
        self.weight_key = weight_key

    def forward(self, inputs: Inputs) -> Inputs:
        """Add the points, their number and the target to a sample."""
        numbers, positions = inputs[properties.Z], inputs[properties.R]
        points = self._draw(numbers, positions, _generator(self.seed, inputs))
        if self.gradient_key:
            inputs[self.gradient_key] = self.function.gradient(points, numbers, positions)
        if self.weight_key:
            share = self.n_in_box / len(points)
            weights = box_weights(points, positions, share, self.margin, self.width)
            inputs[self.weight_key] = weights.unsqueeze(1)
        target = self.function(points, numbers, positions)
        return _write(inputs, points, target, self.output_key)

    def _draw(
        self, numbers: Tensor, positions: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        """Points (n_points, 3) of all kinds."""
        points = [
            near_atoms(positions, self.n_near_atoms, self.width, generator),
            in_box(positions, self.n_in_box, self.margin, generator),
        ]
        if self.n_near_surface:
            where = (self.surface, numbers, positions, self.n_near_surface)
            points.append(near_surface(*where, self.surface_width, generator))
        if self.n_by_gradient:
            what = (self.function, numbers, positions, self.n_by_gradient)
            points.append(by_gradient(*what, self.margin, generator))
        return torch.cat(points)


class GridPoints(Transform):
    r"""Points of a regular grid that comes with every sample, such as a calculated density.

    They are drawn with repetition and a probability proportional to
    :math:`\min(\rho, c) + \epsilon`, so that the mean of
    :math:`|\rho' - \rho| / (\min(\rho, c) + \epsilon)` over them, the loss `RelativeL1` with the
    same :math:`\epsilon` and c, is an unbiased estimate of the integral of
    :math:`|\rho' - \rho|` up to a factor per molecule.

    Args:
        key: key of the values on the grid, (1, n_grid) in C order, and of the target.
        n_points: number of points; None takes the grid as it is.
        floor: epsilon in units of the density; infinite draws all points alike.
        ceiling: c in units of the density; a finite one spends fewer points on the cores.
        seed: see `FieldPoints`.
        grid: prefix of the keys `grid_shape` (1, 3), `grid_origin` (1, 3) and `grid_spacing` (1,)
            or, as vectors from a point to the next, (1, 3, 3), in Angstrom, in the frame of the
            positions.

    Raises:
        ValueError: when called, if the number of values isn't that of the grid.
    """

    is_preprocessor: bool = True
    is_postprocessor: bool = False

    def __init__(
        self,
        key: str = keys.electron_density,
        n_points: int | None = 1024,
        floor: float = 0.01,
        ceiling: float = float("inf"),
        seed: int | None = None,
        grid: str = "grid",
    ) -> None:
        super().__init__()
        self.key = key
        self.n_points = n_points
        self.floor = floor
        self.ceiling = ceiling
        self.seed = seed
        self.grid = grid

    def forward(self, inputs: Inputs) -> Inputs:
        """Replace the grid of a sample by points, their number and the values there."""
        shape, origin, spacing = (
            inputs.pop(f"{self.grid}_{name}").flatten() for name in ("shape", "origin", "spacing")
        )
        values = inputs.pop(self.key).flatten()  # (n_grid,)
        if int(shape.prod()) != len(values):
            raise ValueError(
                f"{self.key!r} has {len(values)} values, but its grid {shape.tolist()} points"
            )
        chosen = self._draw(values, _generator(self.seed, inputs))  # (n_points,)
        index = torch.stack(torch.unravel_index(chosen, shape.long().tolist()), dim=1)
        steps = spacing.view(3, 3) if len(spacing) == 9 else spacing * torch.eye(3)  # (3, 3)
        points = (origin + index.to(steps) @ steps).to(inputs[properties.R])  # (n_points, 3)
        return _write(inputs, points, values[chosen].unsqueeze(1), self.key)

    def _draw(self, values: Tensor, generator: torch.Generator | None) -> Tensor:
        """Indices (n_points,) into the flat grid (n_grid,)."""
        if self.n_points is None:
            return torch.arange(len(values))
        if self.floor == float("inf"):
            return torch.randint(len(values), (self.n_points,), generator=generator)
        weight = values.clamp(0, self.ceiling).double() + self.floor
        return torch.multinomial(weight, self.n_points, replacement=True, generator=generator)


class GivenPoints(Transform):
    """Points that come with every sample, wherever they are, and the values there.

    Args:
        key: key of the values, (1, n_points) in the data, and of the target; the data have the
            points under `field_points`, (1, n_points, 3) in Angstrom.

    Raises:
        ValueError: when called, if there are not as many points as values.
    """

    is_preprocessor: bool = True
    is_postprocessor: bool = False

    def __init__(self, key: str = keys.electron_density) -> None:
        super().__init__()
        self.key = key

    def forward(self, inputs: Inputs) -> Inputs:
        """Bring points and values of a sample into the shapes of a batch's."""
        points = inputs[keys.points].reshape(-1, 3).to(inputs[properties.R])  # (n_points, 3)
        values = inputs[self.key].reshape(-1, 1)  # (n_points, 1)
        if len(points) != len(values):
            raise ValueError(f"{self.key!r} has {len(values)} values, but {len(points)} points")
        return _write(inputs, points, values, self.key)
