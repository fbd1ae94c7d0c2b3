"""Fits of the fields of a molecule, complex or ensemble: from its structures to a file and back."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from torch import Tensor

from schnetpack_molfield.datasets.database import replace_when_complete
from schnetpack_molfield.fields import Grid
from schnetpack_molfield.interfaces.channels import channel_function, channel_weights
from schnetpack_molfield.nn.choices import check_choice
from schnetpack_molfield.train.chart_seeds import matched_peaks
from schnetpack_molfield.train.field_fit import FieldFit, FitOptions, make_auto_decoder, psnr

__all__ = ["FORMAT", "FitTask", "load_fit_file", "resume_fit", "save_fit_file"]

#: Marks files of fits; the number grows when their content changes.
FORMAT = "molfield fit 1"
#: Points of the finer grid on which the error is stated.
N_TEST_POINTS = 32768


@dataclass(frozen=True)
class FitTask:
    """What is fitted: samples of the exact vector-valued function of structures on a coarse grid.

    Attributes:
        frames: the members of the family: models, conformers or frames of the same atoms.
        channels: see `channel_weights`.
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
        check_choice("charts", self.charts, ["learned", "atom"])
        if self.n_grid < 8:
            raise ValueError(f"a grid needs at least 8 points per side, got {self.n_grid}")
        for number, atoms in enumerate(self.frames):
            if not np.array_equal(atoms.numbers, self.frames[0].numbers):
                raise ValueError(
                    f"model {number} has other atoms than model 0, {atoms.symbols} and "
                    f"{self.frames[0].symbols}; fit them one by one"
                )
        channel_weights(self.channels, self.frames[0])

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
        return channel_function(self.channels, self.beta)(
            points,
            torch.tensor(np.tile(self.frames[0].numbers, n_members)),
            torch.tensor(self.positions, dtype=points.dtype).flatten(0, 1),
            torch.arange(n_members).repeat_interleave(n_atoms),
            idx_m,
            channel_weights(self.channels, self.frames[0]).repeat(n_members, 1),
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
    def errors(self, fit: FieldFit) -> dict[str, float]:
        """PSNR in dB on the training grid and on random points of one that is four times finer."""
        model = fit.best_model().cpu()
        return {
            name: self._psnr(model, self.grid(finer), fit.scale)
            for name, finer in (("training grid", 1), ("4 x finer grid", 4))
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


def save_fit_file(path: Path, task: FitTask, fit: FieldFit) -> None:
    """Write a fit, so that the file is either the old one or the whole new one."""
    content = {
        "format": FORMAT,
        "settings": task.settings(),
        "numbers": torch.tensor(task.frames[0].numbers),
        "positions": torch.tensor(task.positions),
        "scale": fit.scale,
        "fit": fit.state_dict(),
    }
    with replace_when_complete(path) as partial:
        torch.save(content, partial)


def resume_fit(path: Path, task: FitTask, fit: FieldFit) -> None:
    """Bring a fit of the same task to where the one in a file stopped; it then continues exactly.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is something else, or a fit of something else.
    """
    content, settings = load_fit_file(path), task.settings()
    for name, value in content["settings"].items():
        if settings[name] != value:
            raise ValueError(
                f"{path} was fitted with {name} = {value}, now it is {settings[name]}; "
                "continue with the same options, or start again with --force"
            )
    same = np.array_equal(content["numbers"], task.frames[0].numbers)
    if not same or not np.array_equal(content["positions"], task.positions):
        raise ValueError(f"{path} was fitted to another structure; start again with --force")
    fit.load_state_dict(content["fit"])


def load_fit_file(path: Path) -> dict[str, Any]:
    """Content of a file that `save_fit_file` wrote.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is something else.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} isn't a file")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever comes up in unpickling
        raise ValueError(f"{path} is not a file of molfield fit") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"{path} is not a file of molfield fit of this version")
    return content
