"""Schedule, coupling, prediction and samplers, where the right answer is known."""

import pytest
import torch

from schnetpack_molfield.generation import (
    AncestralSampler,
    EndpointPrediction,
    EulerSampler,
    GaussianNoise,
    HeunSampler,
    LinearSchedule,
    OptimalTransport,
    VelocityPrediction,
)

SCHEDULE = LinearSchedule()


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Noise, data and times."""
    torch.manual_seed(0)
    return torch.randn(4, 3, 5), torch.randn(4, 3, 5), torch.tensor([0.1, 0.3, 0.6, 0.9])


@pytest.mark.parametrize("prediction", [VelocityPrediction(), EndpointPrediction()])
def test_a_right_output_tells_velocity_and_end(prediction, pair) -> None:
    noise, data, time = pair
    x = time.view(-1, 1, 1) * data + (1 - time.view(-1, 1, 1)) * noise
    output = prediction.target(noise, data, time, SCHEDULE)
    torch.testing.assert_close(prediction.velocity(output, x, time, SCHEDULE), data - noise)
    torch.testing.assert_close(prediction.endpoint(output, x, time, SCHEDULE), data)


@pytest.mark.parametrize("sampler", [EulerSampler(), HeunSampler(), AncestralSampler()])
@pytest.mark.parametrize("prediction", [VelocityPrediction(), EndpointPrediction(1e-6)])
def test_samplers_end_at_the_data(sampler, prediction, pair) -> None:
    """A network that knows the end: every sampler gets there, in as many steps as it was told."""
    noise, data, _ = pair

    def network(x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        if isinstance(prediction, EndpointPrediction):
            return data
        return (data - x) / (1 - time.view(-1, 1, 1)).clamp(min=1e-6)

    steps = list(
        sampler.steps(network, noise, 7, SCHEDULE, prediction, lambda: torch.randn_like(noise))
    )
    assert len(steps) == 7
    torch.testing.assert_close(steps[-1], data, rtol=0, atol=1e-4)


def test_order_of_convergence() -> None:
    """dx/dt = x from 1 ends at e; twice the steps: half the error, a quarter of it by Heun."""
    start = torch.ones(1, 1, 1, dtype=torch.float64)
    even = LinearSchedule(refinement=1.0)

    def error(sampler, n_steps: int) -> float:
        *_, last = sampler.steps(
            lambda x, time: x, start, n_steps, even, VelocityPrediction(), lambda: start
        )
        return abs(last.item() - torch.e)

    assert error(EulerSampler(), 40) / error(EulerSampler(), 80) == pytest.approx(2, rel=0.05)
    # the last step is Euler's: what is left of its error is of second order as well
    assert error(HeunSampler(), 40) / error(HeunSampler(), 80) == pytest.approx(4, rel=0.1)


def test_times() -> None:
    torch.manual_seed(0)
    times = SCHEDULE.sample_times(10_000, torch.zeros(1))
    assert times.min() >= 0 and times.max() <= 0.99
    assert times.mean().item() == pytest.approx(0.99 * 2 / 3, abs=1e-3)
    grid = SCHEDULE.grid(8)
    assert grid[0] == 0 and grid[-1] == 1 and (grid.diff() > 0).all()
    assert grid.diff()[-1] < grid.diff()[0]


def test_transport_reorders_noise_to_the_nearest_charts() -> None:
    data = torch.arange(12.0).view(1, 4, 3) * torch.tensor([1.0, -1.0, 0.5])
    mask = torch.tensor([[True, True, True, False]])
    noise = data[:, [2, 0, 1, 3]] + 0.01
    torch.testing.assert_close(OptimalTransport()(noise, data, mask), data + 0.01)


def test_noise_is_centred_standard_and_reproducible() -> None:
    mask = torch.tensor([[True] * 4, [True, True, False, False]]).repeat(500, 1)
    draw = [
        GaussianNoise().sample(mask, 8, torch.zeros(1), torch.Generator().manual_seed(3))
        for _ in range(2)
    ]
    assert torch.equal(*draw)
    assert draw[0][:, :, :3].sum(dim=1).abs().max() < 1e-5
    assert not draw[0][~mask].any()
    assert draw[0][mask][:, 3:].std().item() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("options", [{"emphasis": 0}, {"latest": 1.5}, {"refinement": -1}])
def test_impossible_schedules(options) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        LinearSchedule(**options)
