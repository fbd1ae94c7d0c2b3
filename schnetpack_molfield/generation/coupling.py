"""The coupling: which noise belongs to which data while a prior is trained."""

from typing import Protocol

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

__all__ = ["Coupling", "IndependentCoupling", "OptimalTransport"]


class Coupling(Protocol):
    """Changes noise so that it fits the data better, without changing how noise is distributed."""

    def __call__(self, noise: Tensor, data: Tensor, mask: Tensor) -> Tensor:
        """Noise (n_sets, n_charts, n_numbers) for these data, of the same shape."""
        ...


class IndependentCoupling:
    """Any noise belongs to any data."""

    def __call__(self, noise: Tensor, data: Tensor, mask: Tensor) -> Tensor:
        """The noise as it is."""
        return noise


class OptimalTransport:
    """Noise is given to the charts that it is nearest to, in each set for itself.

    Charts have no order and Gaussian noise doesn't either, so an assignment of least squared
    distance leaves its distribution as it is, and makes the paths shorter and straighter (Song et
    al., NeurIPS 2023, arXiv:2312.07168).
    """

    def __call__(self, noise: Tensor, data: Tensor, mask: Tensor) -> Tensor:
        """The noise, reordered."""
        costs = -torch.bmm(data, noise.transpose(1, 2)).numpy(force=True)  # (n_sets, data, noise)
        order = np.tile(np.arange(mask.shape[1]), (len(mask), 1))
        for row, cost, n in zip(order, costs, mask.sum(dim=1).tolist(), strict=True):
            row[:n] = linear_sum_assignment(cost[:n, :n])[1]
        index = torch.from_numpy(order).to(noise.device)  # (n_sets, n_charts)
        return noise.gather(1, index.unsqueeze(2).expand_as(noise))
