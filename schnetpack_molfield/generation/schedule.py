"""The schedule: where between noise and data charts are at a time, and which times are trained."""

from typing import Protocol

import torch
from torch import Tensor

__all__ = ["LinearSchedule", "Schedule"]


class Schedule(Protocol):
    """The way from noise at time 0 to data at time 1: `signal` times data, `noise` times noise."""

    def coefficients(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """Signal and noise at times of any shape."""
        ...

    def rates(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives of signal and noise with respect to time."""
        ...

    def sample_times(self, n_sets: int, like: Tensor) -> Tensor:
        """Times to train at, (n_sets,)."""
        ...

    def grid(self, n_steps: int) -> Tensor:
        """Times of a sampler's steps, (n_steps + 1,), from 0 to 1."""
        ...


class LinearSchedule:
    r"""Straight lines, :math:`x_t = t\, x_1 + (1 - t)\, x_0`: flow matching's own.

    Args:
        emphasis: times are trained with density proportional to t^(emphasis - 1): above 1 more
            often near the data, where small errors break bonds.
        latest: no later time is trained.
        refinement: sampling steps become shorter towards the data with this power; 1 keeps them.

    Raises:
        ValueError: for numbers that make no schedule.
    """

    def __init__(
        self, emphasis: float = 2.0, latest: float = 0.99, refinement: float = 1.5
    ) -> None:
        if emphasis <= 0 or refinement <= 0 or not 0 < latest <= 1:
            raise ValueError(
                f"emphasis {emphasis} and refinement {refinement} must be positive, latest "
                f"{latest} between 0 and 1"
            )
        self.emphasis = emphasis
        self.latest = latest
        self.refinement = refinement

    def coefficients(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """Signal and noise at times of any shape."""
        return time, 1 - time

    def rates(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives of signal and noise with respect to time."""
        return torch.ones_like(time), -torch.ones_like(time)

    def sample_times(self, n_sets: int, like: Tensor) -> Tensor:
        """Times to train at, (n_sets,)."""
        # evenly spread over the batch: the loss is less noisy
        even = torch.arange(n_sets, dtype=like.dtype, device=like.device)
        uniform = (even + torch.rand(1, dtype=like.dtype, device=like.device)) / n_sets
        return self.latest * uniform ** (1 / self.emphasis)

    def grid(self, n_steps: int) -> Tensor:
        """Times of a sampler's steps, (n_steps + 1,), from 0 to 1."""
        return 1 - (1 - torch.linspace(0, 1, n_steps + 1)) ** self.refinement
