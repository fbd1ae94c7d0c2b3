"""Metrics of fields that torchmetrics hasn't, accumulated over all points of an epoch.

It has the relative L1 error, `torchmetrics.regression.WeightedMeanAbsolutePercentageError`, and
the signal-to-noise ratio, `torchmetrics.image.PeakSignalNoiseRatio`: state its `data_range`.
"""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.classification import BinaryJaccardIndex

__all__ = ["IntersectionOverUnion", "RelativeL2Error", "TensorError"]


class RelativeL2Error(Metric):
    r"""Relative L2 error of everything seen, :math:`\|p - t\| / \|t\|`.

    Args:
        options: arguments of `torchmetrics.Metric`.
    """

    higher_is_better = False
    is_differentiable = True
    full_state_update = False
    error: Tensor
    size: Tensor

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.add_state("error", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("size", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Take in values of any, equal shape."""
        self.error += (prediction - target).detach().double().square().sum()
        self.size += target.detach().double().square().sum()

    def compute(self) -> Tensor:
        """The error so far."""
        return (self.error / self.size).sqrt()


class IntersectionOverUnion(BinaryJaccardIndex):
    """Overlap of the volumes inside two surfaces, measured on points of uniform density.

    It is 1 if there is nothing inside.

    Args:
        level: value on the surface; inside is below.
        options: further arguments of `torchmetrics.classification.BinaryJaccardIndex`.
    """

    def __init__(self, level: float = 0.0, **options: Any) -> None:
        super().__init__(zero_division=1.0, **options)
        self.level = level

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Take in signed distances of any, equal shape."""
        super().update((prediction < self.level).long(), (target < self.level).long())


class TensorError(Metric):
    """Mean absolute error of the diagonal or of the other elements of square tensors.

    It takes the place of SchNetPack's `TensorDiagonalMeanAbsoluteError`, which calls a function of
    torchmetrics that has another argument since version 1.5.

    Args:
        diagonal: the diagonal elements; if False, all others.
        options: further arguments of `torchmetrics.Metric`.
    """

    higher_is_better = False
    is_differentiable = True
    full_state_update = False
    error: Tensor
    count: Tensor

    def __init__(self, diagonal: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.diagonal = diagonal
        self.add_state("error", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Take in tensors (..., n, n) of equal shape."""
        error = (prediction - target).detach().double().abs()  # (..., n, n)
        chosen = torch.eye(error.shape[-1], dtype=torch.bool, device=error.device)
        chosen = (chosen == self.diagonal).expand_as(error)
        self.error += error[chosen].sum()
        self.count += chosen.sum()

    def compute(self) -> Tensor:
        """The mean."""
        return self.error / self.count
