"""Metrics of fields, accumulated over all points of an epoch.

For PSNR use `torchmetrics.image.PeakSignalNoiseRatio` and state its `data_range`.
"""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

__all__ = ["IntersectionOverUnion", "RelativeError", "TensorError"]


class RelativeError(Metric):
    r"""Relative error in L1 or L2 of everything seen.

    .. math:: \left( \sum |p - t|^k / \sum |t|^k \right)^{1/k}

    On points of uniform density k = 1 is the relative error of a density, the integral of
    :math:`|p - t|` over the integral of :math:`t`.

    Args:
        k: 1 or 2.
        options: further arguments of `torchmetrics.Metric`.

    Raises:
        ValueError: for another k.
    """

    higher_is_better = False
    is_differentiable = True
    full_state_update = False
    error: Tensor
    size: Tensor

    def __init__(self, k: int = 1, **options: Any) -> None:
        super().__init__(**options)
        if k not in (1, 2):
            raise ValueError(f"k must be 1 or 2, the L1 or L2 error, got {k}")
        self.k = k
        self.add_state("error", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("size", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Take in values of any, equal shape."""
        self.error += (prediction - target).detach().double().abs().pow(self.k).sum()
        self.size += target.detach().double().abs().pow(self.k).sum()

    def compute(self) -> Tensor:
        """The error so far."""
        return (self.error / self.size) ** (1 / self.k)


class IntersectionOverUnion(Metric):
    """Overlap of the volumes inside two surfaces, measured on points of uniform density.

    Args:
        level: value on the surface; inside is below.
        options: further arguments of `torchmetrics.Metric`.
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False
    both: Tensor
    either: Tensor

    def __init__(self, level: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.level = level
        self.add_state("both", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("either", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Take in signed distances of any, equal shape."""
        a, b = prediction < self.level, target < self.level
        self.both += (a & b).sum()
        self.either += (a | b).sum()

    def compute(self) -> Tensor:
        """The ratio so far; 1 if there was nothing inside."""
        return torch.where(self.either > 0, self.both / self.either.clamp_min(1), 1.0)


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
