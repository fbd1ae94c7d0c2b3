"""Charts that move in time: smooth between the trained times, at rest beyond them."""

import numpy as np
import pytest
import torch
from torch import Tensor

from schnetpack_molfield.atomistic import LearnedDistance
from schnetpack_molfield.representation import TrajectoryAtlas

TIMES = np.linspace(100.0, 190.0, 10)


@pytest.fixture
def atlas(dtype) -> TrajectoryAtlas:
    """Five charts that have been somewhere."""
    atlas = TrajectoryAtlas(n_charts=5, n_knots=10, n_atom_basis=8).to(dtype)
    atlas.begin(TIMES, np.random.default_rng(0).normal(size=(20, 3)))
    torch.nn.init.normal_(atlas.latent.coefficients, std=0.1)
    torch.nn.init.normal_(atlas.atlas.updates, std=0.1)
    return atlas


def origins(atlas: TrajectoryAtlas, times: Tensor) -> Tensor:
    return atlas({"time": times})["field_origins"].view(len(times), -1, 3)


def test_moves_smoothly(atlas, dtype) -> None:
    """Twice continuously differentiable, also where knots and ends of the trained times are."""
    times = torch.linspace(60, 230, 1701, dtype=torch.float64)
    path = origins(atlas.double(), times)
    assert path.std(dim=0).max() > 0.05
    slope, bend = path.diff(dim=0) / 0.1, path.diff(n=2, dim=0) / 0.1**2
    assert slope.diff(dim=0).abs().max() < 0.1 * slope.abs().max()
    assert bend.diff(dim=0).abs().max() < 0.2 * bend.abs().max()


def test_rests_beyond_the_trained_times(atlas, dtype) -> None:
    far = torch.tensor([0.0, 90.0, 200.0, 1e6], dtype=dtype)
    path = origins(atlas, torch.tensor(TIMES, dtype=dtype))
    torch.testing.assert_close(origins(atlas, far), path.mean(dim=0).expand(4, 5, 3))
    assert path.std(dim=0).max() > 0.01


def test_charts_start_inside() -> None:
    """At the centres of clusters, one cluster each."""
    atlas = TrajectoryAtlas(n_charts=3, n_knots=4)
    corners = 5 * np.eye(3)
    atlas.begin([0.0, 1.0, 2.0, 3.0], corners.repeat(50, axis=0))
    nearest = torch.cdist(torch.tensor(corners).float(), atlas.atlas.origins.detach()).amin(dim=1)
    assert nearest.max() < 0.1


def test_learns_where_a_ball_goes() -> None:
    """A ball on an arc, seen at eight times, asked at others."""
    atlas, head = TrajectoryAtlas(1, n_knots=8, n_atom_basis=4, lr_scale=1.0), LearnedDistance(4)

    def center(t: Tensor) -> Tensor:
        return torch.stack([torch.cos(t / 20), torch.sin(t / 20), 0 * t], dim=1)  # (n, 3)

    times = torch.arange(0.0, 80.0, 10.0)
    atlas.begin(times, center(times))
    parameters = [*atlas.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, 0.05)

    def error(times: Tensor) -> Tensor:
        points = 1.5 * torch.randn(len(times), 64, 3)
        exact = (points - center(times).unsqueeze(1)).norm(dim=2) - 1.0
        n_points = torch.full([len(times)], 64)
        asked = {"field_points": points.flatten(0, 1), "field_n_points": n_points}
        values = head(atlas({"time": times} | asked))["sdf"]
        return (values.view(-1, 64) - exact).abs().mean()

    for _ in range(200):
        optimizer.zero_grad()
        error(times).backward()
        optimizer.step()
    assert error(times) < 0.05
    assert error(times[:-1] + 5.0) < 0.06


def test_bad_times(atlas, dtype) -> None:
    with pytest.raises(KeyError, match="no 'time' in the input"):
        atlas({})
    with pytest.raises(ValueError, match="times must be finite numbers"):
        atlas({"time": torch.tensor([float("nan")], dtype=dtype)})
    with pytest.raises(ValueError, match="times must be finite numbers, got inf"):
        atlas.begin([0.0, np.inf], np.zeros((2, 3)))
    with pytest.raises(ValueError, match="all trained frames have the time 3"):
        atlas.begin([3.0, 3.0], np.zeros((2, 3)))
    with pytest.raises(ValueError, match="10 knots for 4 trained times.* to 4 or less"):
        atlas.begin([0.0, 1.0, 2.0, 3.0], np.zeros((2, 3)))
