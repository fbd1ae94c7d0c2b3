"""Losses and metrics of fields against formulas, on fields whose error is known."""

import pickle

import pytest
import torch
from schnetpack.task import ModelOutput
from torch import nn
from torchmetrics.regression import MeanAbsoluteError

from schnetpack_molfield.train import (
    EikonalLoss,
    IntersectionOverUnion,
    NormalLoss,
    RelativeL1,
    RelativeL2,
    RelativeL2Error,
    SurfaceLoss,
    WeightPoints,
)


@pytest.fixture
def values(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(50, 3, dtype=dtype), torch.randn(50, 3, dtype=dtype)


@pytest.mark.parametrize("loss", [RelativeL1(), RelativeL2(), SurfaceLoss(), NormalLoss()])
def test_zero_when_right_and_positive_when_wrong(loss: nn.Module, values) -> None:
    prediction, target = values
    assert loss(target, target).item() == pytest.approx(0.0, abs=1e-6)
    assert loss(prediction, target) > 0.1
    assert loss(prediction, target).dtype == target.dtype


@pytest.mark.parametrize("loss", [RelativeL1(), RelativeL2(), SurfaceLoss(), NormalLoss()])
def test_gradients_are_finite_at_zero(loss: nn.Module) -> None:
    target = torch.zeros(4, 3)
    prediction = torch.zeros(4, 3, requires_grad=True)
    loss(prediction, target).backward()
    assert prediction.grad.isfinite().all()


def test_relative_l1(values) -> None:
    _, target = values
    target = target.abs() + 1
    expected = (0.1 * target / (target + 0.5)).mean()
    torch.testing.assert_close(RelativeL1(0.5)(1.1 * target, target), expected)
    torch.testing.assert_close(
        RelativeL1(0.5, 1.0)(1.1 * target, target), 0.1 * target.mean() / 1.5
    )


def test_relative_l2_has_no_unit(values) -> None:
    prediction, target = values
    scale = torch.tensor([1.0, 1e3, 1e-3], dtype=target.dtype)
    torch.testing.assert_close(
        RelativeL2()(prediction * scale, target * scale), RelativeL2()(prediction, target)
    )
    assert RelativeL2()(1.1 * target, target).item() == pytest.approx(0.1, rel=1e-4)


def test_relative_l2_of_an_absent_channel() -> None:
    target = torch.tensor([[3.0, 0.0], [4.0, 0.0]])
    prediction = target + torch.tensor([0.0, 0.1])
    expected = (2 * 0.1**2 / 12.5) ** 0.5 / 2
    assert RelativeL2()(prediction, target).item() == pytest.approx(expected, rel=1e-5)


def test_the_surface_counts_most() -> None:
    target = torch.tensor([[0.0], [5.0]])
    near, far = (target + torch.tensor(shift) for shift in ([[0.1], [0.0]], [[0.0], [0.1]]))
    assert SurfaceLoss()(near, target) > 1e3 * SurfaceLoss()(far, target)


def test_normals_and_slopes() -> None:
    gradient = torch.tensor([[[1.0, 0, 0]], [[0, 2.0, 0]]])
    turned = torch.tensor([[[0, 3.0, 0]], [[0, 1.0, 0]]])
    assert NormalLoss()(gradient, turned).item() == pytest.approx(0.5)
    assert EikonalLoss()(gradient).item() == pytest.approx(0.5)
    flat = torch.zeros(2, 1, 3, requires_grad=True)
    EikonalLoss()(flat).backward()
    assert flat.grad.isfinite().all()


@pytest.mark.parametrize(
    ("k", "loss", "metric"),
    [(1, nn.L1Loss(), MeanAbsoluteError), (2, nn.MSELoss(), RelativeL2Error)],
)
def test_weights_count_points_that_often(values, k, loss, metric) -> None:
    """Weights 0, 1 and 2 are as good as no point, one point and two points."""
    prediction, target = values
    weights = torch.tensor([0.0, 1.0, 2.0, 1.0, 1.0], dtype=target.dtype).repeat(10).unsqueeze(1)
    output = ModelOutput("f", loss, metrics={"m": metric()}, target_property="t")
    weighted = WeightPoints(k)({"f": prediction}, {"t": target, "field_weights": weights}, output)
    output.update_metrics(*weighted, "train")
    repeated = weights.flatten().long()
    prediction, target = (x.repeat_interleave(repeated, dim=0) for x in (prediction, target))
    torch.testing.assert_close(output.calculate_loss(*weighted), loss(prediction, target))
    expected = metric()(prediction, target)
    torch.testing.assert_close(output.metrics["train"]["m"].compute(), expected)


def test_relative_error_over_batches(values) -> None:
    prediction, target = values
    metric = RelativeL2Error()
    for p, t in zip(prediction.split(7), target.split(7), strict=True):
        metric.update(p, t)
    expected = (prediction - target).double().norm() / target.double().norm()
    assert metric.compute().item() == pytest.approx(expected.item(), rel=1e-5)


def test_overlap_of_two_balls() -> None:
    """Two unit balls, centres one apart: 5/16 of a ball in common, 27/16 covered."""
    points = torch.rand(400_000, 3) * torch.tensor([3.2, 2.2, 2.2]) - 1.1
    a = points.norm(dim=1) - 1
    b = (points - torch.tensor([1.0, 0, 0])).norm(dim=1) - 1
    metric = IntersectionOverUnion()
    for part in zip(a.split(1000), b.split(1000), strict=True):
        metric.update(*part)
    assert metric.compute().item() == pytest.approx(5 / 27, rel=0.02)
    assert pickle.loads(pickle.dumps(metric)).compute() == metric.compute()


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric")
def test_nothing_inside() -> None:
    metric = IntersectionOverUnion()
    metric.update(torch.ones(5), torch.ones(5))
    assert metric.compute().item() == 1.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RelativeL1(0.0), "floor"),
        (lambda: RelativeL1(0.1, -1.0), "ceiling"),
        (lambda: WeightPoints(3), "k must be 1 or 2"),
    ],
)
def test_bad_options(make, message) -> None:
    with pytest.raises(ValueError, match=message):
        make()
