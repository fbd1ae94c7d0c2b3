"""Dense layers for scalars and for equivariant features."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from schnetpack_molfield.nn.irreps import DEGREE, degree_of_row

__all__ = [
    "LR_SCALE",
    "EquivariantDense",
    "EquivariantNorm",
    "ScaledDense",
    "saturate",
    "set_lr_scale",
]

#: Effective learning rate of `ScaledDense` and `EquivariantDense` in units of the optimizer's.
LR_SCALE = 2.0


def saturate(x: Tensor, dim: list[int]) -> Tensor:
    r"""Bound the root mean square over some dimensions by 1.

    .. math:: y = x / \sqrt{1 + \langle x^2 \rangle}

    Small features stay as they are, and directions do, so y is as smooth and as equivariant as x
    if all components of a degree are averaged over. What is multiplied behind it can't run away,
    however large weights become.

    Args:
        x: any shape.
        dim: the dimensions to average over.
    """
    return x * torch.rsqrt(1 + x.square().mean(dim=dim, keepdim=True))


def set_lr_scale(module: nn.Module, lr_scale: float) -> None:
    """Let the scaled layers inside a module learn `lr_scale` times as fast as the optimizer says.

    The function of the module stays: weights are stored so many times smaller.

    Raises:
        ValueError: for a scale that isn't positive.
    """
    if not 0 < lr_scale < float("inf"):
        raise ValueError(f"lr_scale = {lr_scale}: expected a positive number")
    for layer in module.modules():
        if isinstance(layer, ScaledDense | EquivariantDense):
            layer.weight.data *= layer.scale / lr_scale
            layer.scale = lr_scale


def _initial(n_in: int, n_out: int, gain: float) -> Tensor:
    weight = torch.empty(n_out, n_in)
    return nn.init.xavier_uniform_(weight, gain=gain) / LR_SCALE if gain else weight.zero_()


class ScaledDense(nn.Module):
    r"""Dense layer :math:`y = s W x + b` with a fixed scale s on the weight, `LR_SCALE` at first.

    The layer starts as a Glorot-initialised one (W is initialised s times smaller), but a step of
    Adam changes s W by s times the learning rate. So the inside of a model can learn faster than
    SchNetPack's read-out behind it, which keeps total energies quiet, with one learning rate in
    the configuration. Same idea: equalised learning rates (Karras et al. 2018, arXiv:1710.10196).
    `set_lr_scale` sets s.

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

    It is e3nn's `o3.Linear` from `n_in` to `n_out` times `nn.irreps.irreps(degree)`, with the
    channels last, so that all components are one batched matrix product. The result lies component
    by component in memory, which is the layout that the next one reads fastest.

    Args:
        n_in: number of input channels.
        n_out: number of output channels.
        degree: largest degree L of the features.
        factor: constant factor on the result.
    """

    degree_of_row: Tensor

    def __init__(self, n_in: int, n_out: int, degree: int = DEGREE, factor: float = 1.0) -> None:
        super().__init__()
        weights = [_initial(n_in, n_out, gain=1.0).T for _ in range(degree + 1)]
        self.weight = nn.Parameter(torch.stack(weights))  # (L + 1, n_in, n_out)
        self.scale = LR_SCALE
        self.factor = factor
        self.register_buffer("degree_of_row", degree_of_row(degree), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_rows, n_in) to (n, n_rows, n_out)."""
        weight = (self.weight * (self.scale * self.factor)).index_select(0, self.degree_of_row)
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
        """Map (n, n_rows - 1, n_channels) to the same shape."""
        mean_square = x.square().mean(dim=(1, 2), keepdim=True)  # (n, 1, 1)
        return x * torch.rsqrt(mean_square + self.epsilon)
