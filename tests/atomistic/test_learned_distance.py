"""Signed distances by charts without atoms."""

import numpy as np
import torch
from torch import Tensor

from schnetpack_molfield.atomistic import LearnedDistance
from schnetpack_molfield.representation import TrajectoryAtlas
from schnetpack_molfield.testing.potential import perturb


def charts(dtype: torch.dtype, times: list[float]) -> dict[str, Tensor]:
    torch.manual_seed(1)
    atlas = TrajectoryAtlas(n_charts=6, n_knots=8, n_atom_basis=8).to(dtype)
    atlas.begin(np.arange(8.0), np.random.default_rng(0).normal(size=(30, 3)))
    torch.nn.init.normal_(atlas.latent.coefficients, std=0.1)
    inputs = atlas({"time": torch.tensor(times, dtype=dtype)})
    return inputs, atlas


def distances(head: LearnedDistance, points: Tensor, inputs: dict[str, Tensor]) -> Tensor:
    """Values (n_points, 1) at points of the first of the models in the dictionary."""
    asked = {"field_points": points, "field_point_idx_m": torch.zeros(len(points)).long()}
    return head(inputs["function"](inputs | asked))["sdf"]


def test_starts_as_the_union_of_balls(dtype) -> None:
    """Within log(6) / sharpness below the distance to the nearest of six balls."""
    inputs = charts(dtype, [2.0])
    head = LearnedDistance(8, radius=1.2, sharpness=50.0).to(dtype)
    torch.nn.init.zeros_(head.radius.weight)
    points = 3 * torch.randn(100, 3, dtype=dtype)
    nearest = torch.cdist(points, inputs["field_origins"]).amin(dim=1, keepdim=True) - 1.2
    values = distances(head, points, inputs)
    assert ((nearest - values) > -1e-4).all()
    assert ((nearest - values) < np.log(6) / 50 + 1e-4).all()


def test_frames_of_a_batch_are_independent(dtype) -> None:
    head = LearnedDistance(8).to(dtype)
    perturb(head, 2)
    points = 2 * torch.randn(2, 40, 3, dtype=dtype)
    batch = charts(dtype, [2.0, 5.5]) | {
        "field_points": points.flatten(0, 1),
        "field_n_points": torch.tensor([40, 40]),
    }
    together = head(batch)["sdf"].view(2, 40, 1)
    idx_m = torch.zeros(40, dtype=torch.long)
    for k, time in enumerate((2.0, 5.5)):
        alone = head.values(points[k], idx_m, charts(dtype, [time]))
        torch.testing.assert_close(together[k], alone)
    assert (
        together[0] - head.values(points[0], torch.zeros(40).long(), charts(dtype, [5.5]))
    ).any()


def test_the_nearest_of_many_balls_are_enough(dtype) -> None:
    """Values and gradients, in a batch whose models are asked at different numbers of points."""
    torch.manual_seed(0)
    inputs = {
        "field_origins": 6 * torch.rand(300, 3, dtype=dtype),
        "field_features": torch.randn(300, 9, 8, dtype=dtype),
        "field_idx_m": torch.arange(2).repeat_interleave(torch.tensor([100, 200])),
    }
    head = LearnedDistance(8).to(dtype)
    points = (8 * torch.rand(50, 3, dtype=dtype)).requires_grad_()
    idx_m = (torch.rand(50) < 0.3).long()  # in no order
    values = head.to_balls(points, idx_m, inputs)
    radii = head.radius(inputs["field_features"][:, 0]).T  # (1, 300)
    gaps = torch.linalg.vector_norm(points[:, None] - inputs["field_origins"], dim=2) - radii
    other = inputs["field_idx_m"] != idx_m[:, None]  # (50, 300)
    k = head.log_sharpness.exp()
    every = -(-k * gaps).masked_fill(other, -torch.inf).logsumexp(1, keepdim=True) / k
    torch.testing.assert_close(values, every, rtol=0, atol=1e-4)
    slopes = [torch.autograd.grad(y.sum(), points)[0] for y in (values, every)]
    torch.testing.assert_close(*slopes, rtol=0, atol=1e-3)


def test_gradients_and_no_points() -> None:
    head = LearnedDistance(8, gradient_key="slope").double()
    perturb(head, 2)
    inputs = charts(torch.float64, [3.0])
    points = torch.randn(20, 3, dtype=torch.float64, requires_grad=True)
    result = head(inputs | {"field_points": points, "field_n_points": torch.tensor([20])})
    step = 1e-6 * torch.eye(3, dtype=torch.float64)
    for axis in range(3):
        ends = [
            head.values(points.detach() + s * step[axis], torch.zeros(20).long(), inputs)
            for s in (1, -1)
        ]
        torch.testing.assert_close(result["slope"][..., axis], (ends[0] - ends[1]) / 2e-6)
    assert head(charts(torch.float64, [3.0]))["sdf"].shape == (0, 1)


def test_scripted_without_points() -> None:
    head = LearnedDistance(8)
    scripted = torch.jit.script(head)
    assert scripted(charts(torch.float32, [1.0]))["sdf"].shape == (0, 1)
