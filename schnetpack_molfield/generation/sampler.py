"""Samplers: from noise to data by a field of velocities, behind one protocol."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from torch import Tensor

from schnetpack_molfield.generation.prediction import Prediction
from schnetpack_molfield.generation.schedule import Schedule

__all__ = [
    "SAMPLERS",
    "AncestralSampler",
    "EulerSampler",
    "Flow",
    "HeunSampler",
    "Sampler",
    "StepwiseSampler",
]

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


class Flow(NamedTuple):
    """What a step asks.

    Attributes:
        network: the trained network.
        schedule: the one that was trained with.
        prediction: likewise.
        noise: draws more noise like the start.
    """

    network: Network
    schedule: Schedule
    prediction: Prediction
    noise: Callable[[], Tensor]

    def velocity(self, x: Tensor, time: Tensor) -> Tensor:
        """Derivative of the path through x with respect to time."""
        return self.prediction.velocity(self.network(x, time), x, time, self.schedule)

    def endpoint(self, x: Tensor, time: Tensor) -> Tensor:
        """Where the path through x ends."""
        return self.prediction.endpoint(self.network(x, time), x, time, self.schedule)


class StepwiseSampler(ABC):
    """Goes through the times of the schedule; a sampler says what one step does."""

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
        flow = Flow(network, schedule, prediction, noise)
        x, grid = start, schedule.grid(n_steps).to(start)
        for times in zip(grid[:-1], grid[1:], strict=True):
            begin, end = (time.expand(len(start)) for time in times)
            x = self.step(flow, x, begin, end)
            yield x

    @abstractmethod
    def step(self, flow: Flow, x: Tensor, begin: Tensor, end: Tensor) -> Tensor:
        """Rows at the end of a step that begins at x, both times of shape (n_sets,)."""


class EulerSampler(StepwiseSampler):
    """First order: one call of the network per step."""

    def step(self, flow: Flow, x: Tensor, begin: Tensor, end: Tensor) -> Tensor:
        """See `StepwiseSampler`."""
        return x + (end - begin).view(-1, 1, 1) * flow.velocity(x, begin)


class HeunSampler(StepwiseSampler):
    """Second order: two calls of the network per step, one in the last."""

    def step(self, flow: Flow, x: Tensor, begin: Tensor, end: Tensor) -> Tensor:
        """See `StepwiseSampler`."""
        step = (end - begin).view(-1, 1, 1)
        first = flow.velocity(x, begin)
        ahead = x + step * first
        if not bool((end < 1).all()):
            return ahead
        return x + step * (first + flow.velocity(ahead, end)) / 2


class AncestralSampler(StepwiseSampler):
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

    def step(self, flow: Flow, x: Tensor, begin: Tensor, end: Tensor) -> Tensor:
        """See `StepwiseSampler`."""
        data = flow.endpoint(x, begin)
        signal, amount = flow.schedule.coefficients(begin.view(-1, 1, 1))
        old = (x - signal * data) / amount.clamp(min=1e-3)
        fresh = self.freshness**0.5 * flow.noise()
        signal, amount = flow.schedule.coefficients(end.view(-1, 1, 1))
        return signal * data + amount * ((1 - self.freshness) ** 0.5 * old + fresh)


#: Samplers by name.
SAMPLERS: dict[str, Callable[[], Sampler]] = {
    "euler": EulerSampler,
    "heun": HeunSampler,
    "ancestral": AncestralSampler,
}
