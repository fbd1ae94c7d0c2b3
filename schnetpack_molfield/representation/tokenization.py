"""Structured weight tokenisation: the parameters of an INR as a sequence of tokens."""

import torch
from torch import Tensor, nn

__all__ = ["WeightTokenizer"]


class WeightTokenizer(nn.Module):
    r"""Weights of an INR with equally wide layers as tokens, and back.

    A token stands for a group of output columns of one layer. It holds one number per column, the
    multiplicative update of a base weight that all charts share:

    .. math:: W_c^{(\ell)} = W^{(\ell)} \, \mathrm{diag}(1 + \sigma(t_c^{(\ell)})), \quad
        \sigma(t) = t / \sqrt{1 + t^2}

    so a token of zeros is the shared function, and a chart turns a column off or doubles it, no
    more: products of factors that had no end made training at large rates run away. Scaling a
    column of W is the same as scaling that output, so charts never need a copy of W: see `scales`.

    Args:
        n_layers: number of layers.
        n_columns: number of output columns of each layer.
        n_groups: tokens per layer; divides `n_columns`.

    Raises:
        ValueError: if `n_groups` doesn't divide `n_columns`.
    """

    def __init__(self, n_layers: int, n_columns: int, n_groups: int) -> None:
        super().__init__()
        if n_columns % n_groups:
            raise ValueError(
                f"n_groups = {n_groups} must divide the {n_columns} columns of a layer of the INR"
            )
        self.n_layers = n_layers
        self.n_columns = n_columns
        self.n_groups = n_groups
        self.group = n_columns // n_groups  # columns per token
        self.n_tokens = n_layers * n_groups

    def scales(self, tokens: Tensor) -> Tensor:
        """Map tokens (n_charts, n_tokens, group) to column factors (n_charts, n_layers, h)."""
        updates = tokens * torch.rsqrt(1 + tokens.square())
        return 1 + updates.reshape(tokens.shape[0], self.n_layers, self.n_columns)

    def to_weights(self, tokens: Tensor, base: Tensor) -> Tensor:
        """Write the weights of every chart in full.

        Args:
            tokens: shape (n_charts, n_tokens, group).
            base: shared weights, shape (n_layers, n_in, n_columns).

        Returns:
            weights, shape (n_charts, n_layers, n_in, n_columns).
        """
        return base * self.scales(tokens).unsqueeze(2)

    def to_tokens(self, weights: Tensor, base: Tensor) -> Tensor:
        """Tokens whose weights are nearest to the given ones, in least squares per column.

        A column that is turned round, or more than doubled, has no token: the nearest is far out.

        Args:
            weights: shape (n_charts, n_layers, n_in, n_columns).
            base: shared weights, shape (n_layers, n_in, n_columns).

        Returns:
            tokens, shape (n_charts, n_tokens, group).
        """
        norm = base.square().sum(dim=1)  # (n_layers, n_columns)
        tiny = torch.finfo(base.dtype).tiny
        updates = (weights * base).sum(dim=2) / norm.clamp_min(tiny) - 1
        most = 1 - torch.finfo(base.dtype).eps
        updates = updates.clamp(-most, most)
        tokens = updates * torch.rsqrt(1 - updates.square())
        return tokens.reshape(weights.shape[0], self.n_tokens, self.group)
