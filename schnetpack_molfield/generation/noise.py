"""The prior distribution that samples start from: noise over the charts of a set."""

import torch
from torch import Tensor

from schnetpack_molfield.generation.charts import center

__all__ = ["GaussianNoise"]


class GaussianNoise:
    """Standard normal numbers, positions centred: invariant under all symmetries."""

    def sample(
        self, mask: Tensor, n_numbers: int, like: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw rows (n_sets, n_charts, n_numbers).

        Args:
            mask: which of them are charts, shape (n_sets, n_charts).
            n_numbers: length of a row.
            like: a tensor of the same dtype, on the same device.
            generator: for reproducible draws, on the CPU.
        """
        rows = torch.randn(*mask.shape, n_numbers, generator=generator)
        return center(rows.to(like), mask)
