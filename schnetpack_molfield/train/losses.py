"""Losses for fields; predictions and targets are (n_points, n_channels), gradients (..., 3)."""

import torch
from schnetpack.task import ModelOutput
from torch import Tensor, nn

from schnetpack_molfield import properties as keys

__all__ = ["EikonalLoss", "NormalLoss", "RelativeL1", "RelativeL2", "SurfaceLoss", "WeightPoints"]

Values = dict[str, Tensor]


class RelativeL1(nn.Module):
    r"""Mean of :math:`|p - t| / (\min(|t|, c) + \epsilon)`.

    On points drawn by `transform.GridPoints` with the same :math:`\epsilon` and c it estimates the
    integral of :math:`|p - t|`, the error of a density, up to a factor per molecule.

    Args:
        floor: epsilon in the unit of the target, positive.
        ceiling: c in the unit of the target, not negative.

    Raises:
        ValueError: if the floor isn't positive or the ceiling is negative.
    """

    def __init__(self, floor: float = 0.01, ceiling: float = float("inf")) -> None:
        super().__init__()
        if not floor > 0:
            raise ValueError(f"the floor of a relative error must be positive, got {floor}")
        if not ceiling >= 0:
            raise ValueError(f"the ceiling of a relative error can't be negative, got {ceiling}")
        self.floor = floor
        self.ceiling = ceiling

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Scalar loss of values (n_points, n_channels)."""
        size = target.abs().clamp_max(self.ceiling) + self.floor  # (n_points, n_channels)
        return ((prediction - target).abs() / size).mean()


class RelativeL2(nn.Module):
    r"""Mean over the channels of :math:`\|p - t\| / \|t\|`, norms over the points of the batch.

    Channels that are zero everywhere in a batch, such as those of an element it doesn't contain,
    are measured in units of the mean over all channels.
    """

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Scalar loss of values (n_points, n_channels)."""
        error = (prediction - target).square().sum(dim=0)  # (n_channels,)
        size = target.square().sum(dim=0)
        size = torch.where(size > 0, size, size.mean())
        tiny = torch.finfo(size.dtype).tiny
        return ((error + tiny) / (size + tiny)).sqrt().mean()


class SurfaceLoss(nn.Module):
    r"""Error of a signed distance where it counts: the mean of :math:`e^{-|t| / w} |p - t|`.

    Args:
        width: w in Angstrom, how far from the surface errors count.
    """

    def __init__(self, width: float = 0.5) -> None:
        super().__init__()
        self.width = width

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Scalar loss of distances (n_points, 1)."""
        return (torch.exp(-target.abs() / self.width) * (prediction - target).abs()).mean()


class NormalLoss(nn.Module):
    """One minus the cosine between predicted gradient and target gradient, on average."""

    def forward(self, gradient: Tensor, target: Tensor) -> Tensor:
        """Scalar loss of gradients (n_points, n_channels, 3)."""
        return (1 - nn.functional.cosine_similarity(gradient, target, dim=-1)).mean()


class EikonalLoss(nn.Module):
    r"""A distance has slope one: the mean of :math:`(|\nabla s| - 1)^2`.

    Takes no target, so it belongs into a `schnetpack.task.UnsupervisedModelOutput`. Its gradient
    contains second derivatives of the field. Gropp et al. 2020, arXiv:2002.10099.
    """

    def forward(self, gradient: Tensor) -> Tensor:
        """Scalar loss of gradients (n_points, 1, 3), per Angstrom."""
        length = (gradient.square().sum(dim=-1) + 1e-12).sqrt()
        return (length - 1).square().mean()


class WeightPoints(nn.Module):
    r"""Gives points weights in the loss and the metrics: a constraint of a `ModelOutput`.

    Prediction and target are multiplied by :math:`w^{1/k}`, so that :math:`|p - t|^k` counts w
    times: with the weights of `transform.FieldPoints` losses and metrics made of such powers
    estimate integrals over the box, wherever the points are. SchNetPack hands over nothing but
    targets of outputs, so the weights have to be the target of another one:
    `ModelOutput(name=..., target_property='field_weights', metrics={})`.

    Args:
        k: 2 for square errors (`torch.nn.MSELoss`, `RelativeL2`, PSNR), 1 for absolute ones.
        weight_key: key of the weights, (n_points, 1).

    Raises:
        ValueError: for another k.
    """

    def __init__(self, k: int = 2, weight_key: str = keys.point_weights) -> None:
        super().__init__()
        if k not in (1, 2):
            raise ValueError(f"k must be 1 or 2, absolute or square errors, got {k}")
        self.k = k
        self.weight_key = weight_key

    def forward(
        self, prediction: Values, target: Values, output: ModelOutput
    ) -> tuple[Values, Values]:
        """Predictions and targets with those of the output, (n_points, n_channels), weighted."""
        factor = target[self.weight_key] ** (1 / self.k)  # (n_points, 1)
        prediction[output.name] = prediction[output.name] * factor
        target[output.target_property] = target[output.target_property] * factor
        return prediction, target
