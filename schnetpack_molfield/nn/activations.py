"""Smooth activations of implicit neural representations."""

import torch
from torch import Tensor, nn

__all__ = ["ACTIVATIONS", "Gabor", "Sine"]


class Sine(nn.Module):
    r"""Sine layer, :math:`\sin(\omega x)` (Sitzmann et al. 2020, arXiv:2006.09661).

    Args:
        omega: frequency. Second derivatives of the field grow with its square.
    """

    def __init__(self, omega: float = 1.0) -> None:
        super().__init__()
        self.omega = omega

    def forward(self, x: Tensor) -> Tensor:
        """Map any shape to the same shape."""
        return torch.sin(self.omega * x)


class Gabor(nn.Module):
    r"""Gabor layer, :math:`\cos(\omega x) \exp(-x^2 / 2)` (Fathony et al. 2021; real part only).

    Args:
        omega: frequency within the Gaussian's envelope of width one.
    """

    def __init__(self, omega: float = 1.0) -> None:
        super().__init__()
        self.omega = omega

    def forward(self, x: Tensor) -> Tensor:
        """Map any shape to the same shape."""
        return torch.cos(self.omega * x) * torch.exp(-0.5 * x.square())


ACTIVATIONS: dict[str, type[nn.Module]] = {"silu": nn.SiLU, "sine": Sine, "gabor": Gabor}
