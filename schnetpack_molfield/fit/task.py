"""What is fitted: samples of the exact function of a molecule, complex or ensemble."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from ase import Atoms
from torch import Tensor

from schnetpack_molfield.fields import Grid, VectorFunction
from schnetpack_molfield.fit.channels import channel_members
from schnetpack_molfield.fit.chart_seeds import matched_peaks
from schnetpack_molfield.fit.field_fit import FieldFit, FitOptions, make_auto_decoder, psnr
from schnetpack_molfield.fit.inputs import check_inputs

__all__ = ["FitTask"]

#: Points of the finer grid on which the error is stated.
N_TEST_POINTS = 32768


@dataclass(frozen=True)
class FitTask:
    """What is fitted: samples of the exact vector-valued function of structures on a coarse grid.

    Attributes:
        frames: the members of the family: models, conformers or frames of the same atoms.
        channels: see `channel_members`.
        n_grid: points along the longest side of the box; the other sides have the same spacing.
        margin: distance of the walls of the box from the atoms in Angstrom.
        beta: inverse width of an atom's edge, see `VectorFunction`.
        charts: `learned`: the fit sees nothing but the samples; `atom`: charts start at the atoms.
        options: settings of the fit.

    Raises:
        ValueError: for structures of different atoms, an unknown option or a channel without atoms.
    """

    frames: list[Atoms]
    channels: list[str]
    n_grid: int = 32
    margin: float = 3.0
    beta: float = 2.0
    charts: str = "learned"
    options: FitOptions = field(default_factory=FitOptions)

    def __post_init__(self) -> None:
        check_inputs(self.frames, self.channels, self.n_grid, self.charts)

    @property
    def positions(self) -> np.ndarray:
        """(n_members, n_atoms, 3) in Angstrom."""
        return np.stack([atoms.positions for atoms in self.frames])

    @property
    def data_range(self) -> float:
        """Range of the PSNR: the value of the function at the centre of a lone atom."""
        return float(np.exp(self.beta))

    def grid(self, finer: int = 1) -> Grid:
        """The grid of the samples, or one of the same box with a fraction of its spacing."""
        positions = self.positions.reshape(-1, 3)
        longest = np.ptp(positions, axis=0).max() + 2 * self.margin
        coarse = Grid.around(positions, longest / (self.n_grid - 1), self.margin)
        nx, ny, nz = (finer * (n - 1) + 1 for n in coarse.shape)
        return Grid(coarse.origin, coarse.steps / finer, (nx, ny, nz))

    def exact(self, points: Tensor, idx_m: Tensor) -> Tensor:
        """Exact values (n_points, n_channels) at points (n_points, 3) of members (n_points,)."""
        n_members, n_atoms = self.positions.shape[:2]
        members = channel_members(self.channels, self.frames[0])
        return VectorFunction((), atom_channels=list(self.channels), beta=self.beta)(
            points,
            torch.tensor(np.tile(self.frames[0].numbers, n_members)),
            torch.tensor(self.positions, dtype=points.dtype).flatten(0, 1),
            torch.arange(n_members).repeat_interleave(n_atoms),
            idx_m,
            torch.tensor(members, dtype=torch.get_default_dtype()).repeat(n_members, 1),
        )

    def start(self, device: str = "cpu") -> FieldFit:
        """A fit to the samples that has not begun, on a device."""
        grid, n_members = self.grid(), len(self.frames)
        points = torch.tensor(grid.points, dtype=torch.get_default_dtype())
        idx_m = torch.arange(n_members).repeat_interleave(len(points))
        values = self.exact(points.repeat(n_members, 1), idx_m).view(n_members, len(points), -1)
        if self.charts == "atom":
            origins = self.positions
        else:
            origins = matched_peaks(grid, values.view(n_members, *grid.shape, -1).numpy())
        model = make_auto_decoder(origins, self.channels, self.options).to(device)
        samples = (points.to(device), values.to(device))
        return FieldFit(model, *samples, self.options, self.data_range)

    @torch.no_grad()
    def errors(self, fit: FieldFit, finer: bool = True) -> dict[str, float]:
        """PSNR in dB at points of the training grid.

        Args:
            fit: what has been fitted.
            finer: also at random points of a grid that is four times finer.
        """
        model = fit.best_model().cpu()
        grids = {"training grid": 1} | ({"4 x finer grid": 4} if finer else {})
        return {
            name: self._psnr(model, self.grid(factor), fit.scale) for name, factor in grids.items()
        }

    def _psnr(self, model: torch.nn.Module, grid: Grid, scale: float) -> float:
        rng, n_members = np.random.default_rng(0), len(self.frames)
        rows = rng.integers(0, grid.shape, (min(N_TEST_POINTS, grid.n_points), 3))
        points = torch.tensor(grid.to_lab(rows), dtype=torch.get_default_dtype())
        idx_m = torch.arange(len(points)) * n_members // len(points)
        values = model(model.latents, points, idx_m) * scale
        return psnr(values, self.exact(points, idx_m), self.data_range)

    def settings(self) -> dict[str, Any]:
        """What has to be the same when a fit is continued, besides the structures."""
        names = ("channels", "n_grid", "margin", "beta", "charts")
        return {**{name: getattr(self, name) for name in names}, **asdict(self.options)}
