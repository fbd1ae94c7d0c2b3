"""Fit an auto-decoder to samples of the fields of one molecule, complex or ensemble."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR
from torchmetrics.functional.image import peak_signal_noise_ratio

from schnetpack_molfield.atomistic import FieldValue
from schnetpack_molfield.checks import check_positive
from schnetpack_molfield.fit.auto_decoder import AutoDecoder
from schnetpack_molfield.fit.chart_seeds import principal_moves
from schnetpack_molfield.representation.latent_atlas import LatentAtlas

__all__ = ["FieldFit", "FitOptions", "Progress", "make_auto_decoder", "psnr"]

#: Steps between two looks at the error, after which the fit can be continued.
CHECK_EVERY = 50
#: Samples on which the error is looked at.
N_CHECKED = 8192
#: Members whose samples are in a batch.
MEMBERS_PER_BATCH = 4
#: Largest value the network is fitted to: values are divided by their maximum and multiplied by it.
AMPLITUDE = 10.0


@dataclass(frozen=True)
class FitOptions:
    """Settings of a fit.

    Attributes:
        n_steps: steps of the optimizer.
        cutoff: radius of a chart in Angstrom; the function is zero that far from all charts.
        n_features: features of a chart.
        n_hidden: width of the INR.
        n_latent: longest latent; never longer than the number of members less one.
        batch_size: samples per step.
        seed: of the initial weights and of the order of the samples.

    Raises:
        ValueError: for fewer than 20 steps, or a cutoff that isn't positive.
    """

    n_steps: int = 1500
    cutoff: float = 3.5
    n_features: int = 8
    n_hidden: int = 32
    n_latent: int = 16
    batch_size: int = 4096
    seed: int = 0

    def __post_init__(self) -> None:
        check_positive("cutoff", self.cutoff)
        if self.n_steps < 20:  # the schedule of the learning rate has to go up and down
            raise ValueError(f"a fit needs at least 20 steps, got {self.n_steps}")


class Progress(NamedTuple):
    """How far a fit is."""

    step: int
    psnr: float


def psnr(values: Tensor, exact: Tensor, data_range: float) -> float:
    """Peak signal-to-noise ratio in dB: 20 log10(range) - 10 log10(mean squared error)."""
    return float(peak_signal_noise_ratio(values.double(), exact.double(), data_range))


def make_auto_decoder(
    origins: np.ndarray, channels: Sequence[str], options: FitOptions
) -> AutoDecoder:
    """An auto-decoder whose charts start at these origins.

    The charts are isotropic (degree 0): they are the bumps that the functions are sums of,
    and all of one shape but for what few features per chart tell the INR.

    Args:
        origins: of all charts in all members, (n_members, n_charts, 3) in Angstrom.
        channels: names of the channels.
        options: settings; the seed decides the weights.
    """
    n_members = len(origins)
    n_latent = max(1, min(options.n_latent, n_members - 1))
    start = principal_moves(origins, n_latent)
    mean, moves, latents = (torch.tensor(x, dtype=torch.get_default_dtype()) for x in start)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        atlas = LatentAtlas(
            mean,
            options.n_features,
            n_latent,
            n_latent,
            moves,
            options.cutoff,
            options.n_hidden,
            degree=0,
            pairs_per_block=2**22,
            frame="none",
        )
        head = FieldValue(options.n_hidden, channels, n_hidden=0, degree=0)
    return AutoDecoder(atlas, head, latents)


class FieldFit:
    """The fit of an auto-decoder to samples, which can be stopped and continued.

    Args:
        model: the auto-decoder, one latent per member.
        points: (n_points, 3) where all members were sampled, in Angstrom.
        values: (n_members, n_points, n_channels) the samples.
        options: settings.
        data_range: range of the values in the PSNR.

    Raises:
        ValueError: if the shapes don't fit, or samples aren't finite or all zero.
    """

    def __init__(
        self,
        model: AutoDecoder,
        points: Tensor,
        values: Tensor,
        options: FitOptions,
        data_range: float,
    ) -> None:
        _check_samples(model, points, values)
        self.model, self.points, self.options = model, points, options
        self.data_range = data_range
        self.scale = float(values.abs().max()) / AMPLITUDE
        self.values = values / self.scale
        self.optimizer, self.scheduler = _optimizer(model, options)
        self.generator = torch.Generator().manual_seed(options.seed)
        self.step, self.best_psnr = 0, -float("inf")
        self.best = {name: x.clone() for name, x in model.state_dict().items()}
        self.checked = self._draw(torch.arange(len(values)), N_CHECKED)

    def run(self) -> Iterator[Progress]:
        """Fit to the end, with a stop every `CHECK_EVERY` steps."""
        while self.step < self.options.n_steps:
            n_steps = min(CHECK_EVERY, self.options.n_steps - self.step)
            for _ in range(n_steps):
                self._step()
            self.step += n_steps
            yield Progress(self.step, self._check())

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to continue exactly, and the best weights so far."""
        return {
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "generator": self.generator.get_state(),
            "best": self.best,
            "best_psnr": self.best_psnr,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where another fit of the same samples stopped."""
        self.step, self.best_psnr, self.best = state["step"], state["best_psnr"], state["best"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.generator.set_state(state["generator"])

    def best_model(self) -> AutoDecoder:
        """A copy of the model with the best weights so far."""
        model = deepcopy(self.model)
        model.load_state_dict(self.best)
        return model.requires_grad_(False).eval()

    def _step(self) -> None:
        order = torch.randperm(len(self.values), generator=self.generator)
        members, points, idx_m, exact = self._draw(
            order[:MEMBERS_PER_BATCH], self.options.batch_size
        )
        values = self.model(self.model.latents[members], points, idx_m)
        loss = F.mse_loss(values, exact)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()

    def _draw(self, members: Tensor, n_samples: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Random samples of some members: members, points, index of the member, values."""
        idx_m = torch.arange(len(members)).repeat_interleave(max(1, n_samples // len(members)))
        rows = torch.randint(len(self.points), (len(idx_m),), generator=self.generator)
        members, rows, idx_m = (x.to(self.points.device) for x in (members, rows, idx_m))
        return members, self.points[rows], idx_m, self.values[members[idx_m], rows]

    @torch.no_grad()
    def _check(self) -> float:
        """PSNR on some samples; the weights are kept if they are the best so far."""
        members, points, idx_m, exact = self.checked
        values = self.model(self.model.latents[members], points, idx_m)
        reached = psnr(values, exact, self.data_range / self.scale)
        if reached > self.best_psnr:
            self.best_psnr = reached
            self.best = {name: x.clone() for name, x in self.model.state_dict().items()}
        return reached


def _optimizer(model: AutoDecoder, options: FitOptions) -> tuple[Adam, OneCycleLR]:
    """Adam with a one-cycle schedule; positions and features of charts have rates of their own."""
    atlas = model.atlas
    rates = {4e-3: [*model.head.parameters(), *atlas.function.parameters(), model.latents]}
    rates[5e-3] = [atlas.origins, atlas.moves, atlas.updates, atlas.gates]
    rates[1e-2] = [atlas.features]
    optimizer = Adam([{"params": p, "lr": rate} for rate, p in rates.items()], betas=(0.9, 0.99))
    return optimizer, OneCycleLR(optimizer, list(rates), total_steps=options.n_steps, pct_start=0.1)


def _check_samples(model: AutoDecoder, points: Tensor, values: Tensor) -> None:
    expected = (len(model.latents), len(points), len(model.head.channels))
    if tuple(values.shape) != expected:
        raise ValueError(
            f"values must have shape {expected}, (n_members, n_points, n_channels), "
            f"got {tuple(values.shape)}"
        )
    if not torch.isfinite(values).all() or not torch.isfinite(points).all():
        raise ValueError("the samples must be finite, but points or values have NaN or infinity")
    if not values.any():
        raise ValueError("the samples are zero everywhere, there is nothing to fit")
