"""The prediction: what a network's output means, and how far off it is."""

from typing import Protocol

from torch import Tensor

from schnetpack_molfield.generation.schedule import Schedule

__all__ = ["EndpointPrediction", "Prediction", "VelocityPrediction"]


class Prediction(Protocol):
    """Reads the output of a network at noisy data x_t and a time."""

    def velocity(self, output: Tensor, x: Tensor, time: Tensor, schedule: Schedule) -> Tensor:
        """Derivative of the path with respect to time."""
        ...

    def endpoint(self, output: Tensor, x: Tensor, time: Tensor, schedule: Schedule) -> Tensor:
        """Where the path ends: the data."""
        ...

    def target(self, noise: Tensor, data: Tensor, time: Tensor, schedule: Schedule) -> Tensor:
        """What the output should be."""
        ...


def _wide(time: Tensor) -> Tensor:
    return time.view(-1, 1, 1)


class VelocityPrediction:
    """The network says in which direction the path goes."""

    def velocity(self, output: Tensor, x: Tensor, time: Tensor, schedule: Schedule) -> Tensor:
        """The output itself."""
        return output

    def endpoint(self, output: Tensor, x: Tensor, time: Tensor, schedule: Schedule) -> Tensor:
        """The data that a point of the path and its velocity belong to."""
        signal, noise = schedule.coefficients(_wide(time))
        signal_rate, noise_rate = schedule.rates(_wide(time))
        return (noise_rate * x - noise * output) / (noise_rate * signal - noise * signal_rate)

    def target(self, noise: Tensor, data: Tensor, time: Tensor, schedule: Schedule) -> Tensor:
        """The velocity of the path from noise to data."""
        signal_rate, noise_rate = schedule.rates(_wide(time))
        return signal_rate * data + noise_rate * noise


class EndpointPrediction:
    """The network says where the path ends.

    Args:
        closest: noise below which the way to the end isn't divided by any more.
    """

    def __init__(self, closest: float = 0.02) -> None:
        self.closest = closest

    def velocity(self, output: Tensor, x: Tensor, time: Tensor, schedule: Schedule) -> Tensor:
        """The velocity of the path through x to the end."""
        signal, noise = schedule.coefficients(_wide(time))
        signal_rate, noise_rate = schedule.rates(_wide(time))
        start = (x - signal * output) / noise.clamp(min=self.closest)
        return signal_rate * output + noise_rate * start

    def endpoint(self, output: Tensor, x: Tensor, time: Tensor, schedule: Schedule) -> Tensor:
        """The output itself."""
        return output

    def target(self, noise: Tensor, data: Tensor, time: Tensor, schedule: Schedule) -> Tensor:
        """The data."""
        return data
