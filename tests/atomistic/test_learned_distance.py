"""Signed distances by charts without atoms."""

import numpy as np
import torch
from torch import Tensor

from schnetpack_molfield.atomistic import LearnedDistance
from schnetpack_molfield.representation import TrajectoryAtlas
from schnetpack_molfield.testing.potential import perturb

Inputs = dict[str, Tensor]


def represent(dtype: torch.dtype, times: list[float], **asked: Tensor) -> Inputs:
    """What six charts that move leave in the dictionary at these times."""
    return make_atlas(dtype)({"time": torch.tensor(times, dtype=dtype)} | asked)


def make_atlas(dtype: torch.dtype) -> TrajectoryAtlas:
    torch.manual_seed(1)
    atlas = TrajectoryAtlas(n_charts=6, n_knots=8, n_atom_basis=8).to(dtype)
    atlas.begin(np.arange(8.0), np.random.default_rng(0).normal(size=(30, 3)))
    torch.nn.init.normal_(atlas.latent.coefficients, std=0.1)
    return atlas


def distances(head: LearnedDistance, points: Tensor, time: float) -> Tensor:
    """Distances (n_points, 1) of a single frame."""
    asked = {"field_points": points, "field_n_points": torch.tensor([len(points)])}
    return head(represent(points.dtype, [time], **asked))["sdf"]


def test_starts_as_the_union_of_balls(dtype) -> None:
    """Within log(6) / sharpness below the distance to the nearest of six balls."""
    inputs = represent(dtype, [2.0])
    head = LearnedDistance(8, radius=1.2, sharpness=50.0).to(dtype)
    torch.nn.init.zeros_(head.radius.weight)
    points = 3 * torch.randn(100, 3, dtype=dtype)
    nearest = torch.cdist(points, inputs["field_origins"]).amin(dim=1, keepdim=True) - 1.2
    values = distances(head, points, 2.0)
    assert ((nearest - values) > -1e-4).all()
    assert ((nearest - values) < np.log(6) / 50 + 1e-4).all()


def test_frames_of_a_batch_are_independent(dtype) -> None:
    head = LearnedDistance(8).to(dtype)
    perturb(head, 2)
    points = 2 * torch.randn(2, 40, 3, dtype=dtype)
    n_points = torch.tensor([40, 40])
    asked = {"field_points": points.flatten(0, 1), "field_n_points": n_points}
    together = head(represent(dtype, [2.0, 5.5], **asked))["sdf"].view(2, 40, 1)
    for k, time in enumerate((2.0, 5.5)):
        torch.testing.assert_close(together[k], distances(head, points[k], time))
    assert (together[0] - distances(head, points[0], 5.5)).any()


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
    points = torch.randn(20, 3, dtype=torch.float64, requires_grad=True)
    asked = {"field_points": points, "field_n_points": torch.tensor([20])}
    slope = head(represent(torch.float64, [3.0], **asked))["slope"]
    head.gradient_key = ""
    step = 1e-6 * torch.eye(3, dtype=torch.float64)
    for axis in range(3):
        up, down = (distances(head, points.detach() + s * step[axis], 3.0) for s in (1, -1))
        torch.testing.assert_close(slope[..., axis], (up - down) / 2e-6)
    assert head(represent(torch.float64, [3.0]))["sdf"].shape == (0, 1)


def test_scripted_without_points() -> None:
    head = LearnedDistance(8)
    scripted = torch.jit.script(head)
    assert scripted(represent(torch.float32, [1.0]))["sdf"].shape == (0, 1)


def test_the_function_corrects_the_balls(dtype) -> None:
    """What is learned on top is the atlas's function, nothing else: randomised, it moves."""
    head = LearnedDistance(8).to(dtype)
    perturb(head, 2)
    points = torch.randn(30, 3, dtype=dtype)
    asked = {"field_points": points, "field_n_points": torch.tensor([30])}
    atlas = make_atlas(dtype)
    inr = atlas.atlas.function.inr
    given = {"time": torch.tensor([2.0], dtype=dtype)} | asked
    before = head(atlas(dict(given)))["sdf"]
    before.square().sum().backward()
    for part in (inr.frame, inr.hypernetwork, inr.hidden):
        assert all(parameter.grad is not None for parameter in part.parameters())
    assert inr.bias.grad.any() and inr.hidden[0].weight.grad.any()
    for parameter in (*inr.frame.parameters(), *inr.hidden.parameters(), inr.bias):
        torch.nn.init.normal_(parameter.data, std=0.5)
    assert (head(atlas(dict(given)))["sdf"] - before).abs().max() > 1e-3
