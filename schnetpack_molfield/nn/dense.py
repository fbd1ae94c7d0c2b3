"""Dense layers for scalars and for equivariant features."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["DEGREES", "LR_SCALE", "EquivariantDense", "EquivariantNorm", "ScaledDense"]

#: Rows of equivariant features (n, 9, n_channels) that belong to degree l = 0, 1, 2.
DEGREES = [1, 3, 5]
#: Effective learning rate of `ScaledDense` and `EquivariantDense` in units of the optimizer's.
LR_SCALE = 4.0


def _initial(n_in: int, n_out: int, gain: float) -> Tensor:
    weight = torch.empty(n_out, n_in)
    return nn.init.xavier_uniform_(weight, gain=gain) / LR_SCALE if gain else weight.zero_()


class ScaledDense(nn.Module):
    r"""Dense layer :math:`y = s W x + b` with a fixed scale s = `LR_SCALE` on the weight.

    The layer starts as a Glorot-initialised one (W is initialised s times smaller), but a step of
    Adam changes s W by s times the learning rate. So the inside of a model can learn faster than
    SchNetPack's read-out behind it, which keeps total energies quiet, with one learning rate in
    the configuration. Same idea: equalised learning rates (Karras et al. 2018, arXiv:1710.10196).

    Args:
        n_in: number of inputs.
        n_out: number of outputs.
        bias: whether to add b, which is zero at the start.
        gain: factor on the initial weight; 0 starts at zero.
    """

    def __init__(self, n_in: int, n_out: int, bias: bool = True, gain: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(_initial(n_in, n_out, gain))
        self.bias = nn.Parameter(torch.zeros(n_out)) if bias else None
        self.scale = LR_SCALE

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., n_in) to (..., n_out)."""
        return F.linear(x, self.weight * self.scale, self.bias)


class EquivariantDense(nn.Module):
    """Mixes the channels of equivariant features, each degree l with its own weight.

    It is e3nn's `o3.Linear` from `n_in` to `n_out` times `0e + 1o + 2e`, with the channels last,
    so that all components are one batched matrix product. The result lies component by component
    in memory, which is the layout that the next one reads fastest.

    Args:
        n_in: number of input channels.
        n_out: number of output channels.
    """

    degree: Tensor

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        weights = [_initial(n_in, n_out, gain=1.0).T for _ in DEGREES]
        self.weight = nn.Parameter(torch.stack(weights))  # (3, n_in, n_out)
        self.scale = LR_SCALE
        degree = torch.arange(len(DEGREES)).repeat_interleave(torch.tensor(DEGREES))
        self.register_buffer("degree", degree, persistent=False)  # (9,)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 9, n_in) to (n, 9, n_out)."""
        weight = (self.weight * self.scale).index_select(0, self.degree)  # (9, n_in, n_out)
        return torch.bmm(x.transpose(0, 1), weight).transpose(0, 1)


class EquivariantNorm(nn.Module):
    r"""Divides the features of degree l > 0 of an atom by their root mean square.

    .. math:: y = x / \sqrt{\langle x^2 \rangle + \epsilon}

    Smooth everywhere and zero where x is zero, so a symmetric site keeps its vanishing vectors.

    Args:
        epsilon: square of the size below which features count as small.
    """

    def __init__(self, epsilon: float = 1e-2) -> None:
        super().__init__()
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, 8, n_channels) to the same shape."""
        mean_square = x.square().mean(dim=(1, 2), keepdim=True)  # (n, 1, 1)
        return x * torch.rsqrt(mean_square + self.epsilon)
