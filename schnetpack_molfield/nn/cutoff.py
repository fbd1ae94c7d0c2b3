"""A cutoff function that is smoother than SchNetPack's cosine."""

import torch
from torch import Tensor, nn

__all__ = ["SmoothCutoff"]


class SmoothCutoff(nn.Module):
    r"""Window with two continuous derivatives, in the place of SchNetPack's cutoff functions.

    .. math:: w(d) = (1 - d^2 / r^2)^3 \; \text{for} \; d < r

    The cosine has one: curvatures of what is made with it jump at the cutoff.

    Args:
        cutoff: r in Angstrom.

    Raises:
        ValueError: for a cutoff that isn't positive.
    """

    cutoff: Tensor

    def __init__(self, cutoff: float) -> None:
        super().__init__()
        if not cutoff > 0:
            raise ValueError(f"expected a cutoff > 0, got {cutoff}")
        self.register_buffer("cutoff", torch.tensor([float(cutoff)]))

    def forward(self, distances: Tensor) -> Tensor:
        """Map distances (...) to weights (...)."""
        return (1 - (distances / self.cutoff).square()).clamp_min(0) ** 3
