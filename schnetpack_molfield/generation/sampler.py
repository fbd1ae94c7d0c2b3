"""Samplers: from noise to data by a field of velocities, behind one protocol."""

from collections.abc import Callable, Iterator
from typing import Protocol

from torch import Tensor

from schnetpack_molfield.generation.prediction import Prediction
from schnetpack_molfield.generation.schedule import Schedule

__all__ = ["SAMPLERS", "AncestralSampler", "EulerSampler", "HeunSampler", "Sampler"]

#: Output of a network at rows (n_sets, n_charts, n_numbers) and times (n_sets,).
Network = Callable[[Tensor, Tensor], Tensor]


class Sampler(Protocol):
    """Takes rows of noise to rows of data, and hands out what it has after every step."""

    def steps(
        self,
        network: Network,
        start: Tensor,
        n_steps: int,
        schedule: Schedule,
        prediction: Prediction,
        noise: Callable[[], Tensor],
    ) -> Iterator[Tensor]:
        """Rows after each of `n_steps` steps, (n_sets, n_charts, n_numbers).

        Args:
            network: the trained network, without gradients.
            start: noise.
            n_steps: number of steps.
            schedule: the one that was trained with.
            prediction: likewise.
            noise: draws more noise like the start.
        """
        ...


def _times(schedule: Schedule, n_steps: int, like: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    grid = schedule.grid(n_steps).to(like)
    for begin, end in zip(grid[:-1], grid[1:], strict=True):
        yield begin.expand(like.shape[0]), end.expand(like.shape[0])


class EulerSampler:
    """First order: one call of the network per step."""

    def steps(
        self,
        network: Network,
        start: Tensor,
        n_steps: int,
        schedule: Schedule,
        prediction: Prediction,
        noise: Callable[[], Tensor],
    ) -> Iterator[Tensor]:
        """See `Sampler`."""
        x = start
        for begin, end in _times(schedule, n_steps, x):
            velocity = prediction.velocity(network(x, begin), x, begin, schedule)
            x = x + (end - begin).view(-1, 1, 1) * velocity
            yield x


class HeunSampler:
    """Second order: two calls of the network per step, one in the last."""

    def steps(
        self,
        network: Network,
        start: Tensor,
        n_steps: int,
        schedule: Schedule,
        prediction: Prediction,
        noise: Callable[[], Tensor],
    ) -> Iterator[Tensor]:
        """See `Sampler`."""
        x = start
        for begin, end in _times(schedule, n_steps, x):
            step = (end - begin).view(-1, 1, 1)
            first = prediction.velocity(network(x, begin), x, begin, schedule)
            ahead = x + step * first
            if bool((end < 1).all()):
                second = prediction.velocity(network(ahead, end), ahead, end, schedule)
                ahead = x + step * (first + second) / 2
            x = ahead
            yield x


class AncestralSampler:
    """Stochastic: jump to the predicted data and back to the next time with partly new noise.

    Args:
        freshness: share of the noise that is drawn anew in every step, from 0 (Euler) to 1.

    Raises:
        ValueError: for another share.
    """

    def __init__(self, freshness: float = 0.5) -> None:
        if not 0 <= freshness <= 1:
            raise ValueError(f"freshness is a share from 0 to 1, got {freshness}")
        self.freshness = freshness

    def steps(
        self,
        network: Network,
        start: Tensor,
        n_steps: int,
        schedule: Schedule,
        prediction: Prediction,
        noise: Callable[[], Tensor],
    ) -> Iterator[Tensor]:
        """See `Sampler`."""
        x = start
        for begin, end in _times(schedule, n_steps, x):
            data = prediction.endpoint(network(x, begin), x, begin, schedule)
            signal, amount = schedule.coefficients(begin.view(-1, 1, 1))
            old = (x - signal * data) / amount.clamp(min=1e-3)
            fresh = self.freshness**0.5 * noise()
            signal, amount = schedule.coefficients(end.view(-1, 1, 1))
            x = signal * data + amount * ((1 - self.freshness) ** 0.5 * old + fresh)
            yield x


#: Samplers by name.
SAMPLERS: dict[str, Callable[[], Sampler]] = {
    "euler": EulerSampler,
    "heun": HeunSampler,
    "ancestral": AncestralSampler,
}
