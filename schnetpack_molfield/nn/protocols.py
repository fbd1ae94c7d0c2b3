"""What a representation asks of SchNetPack's radial bases and cutoff functions."""

from typing import Protocol

from torch import Tensor

__all__ = ["CutoffFunction", "RadialBasis"]


class RadialBasis(Protocol):
    """Maps distances (...) to features (..., n_rbf)."""

    n_rbf: int

    def __call__(self, distances: Tensor, /) -> Tensor: ...


class CutoffFunction(Protocol):
    """Maps distances (...) to weights (...), zero beyond `cutoff`, shape (1,)."""

    cutoff: Tensor

    def __call__(self, distances: Tensor, /) -> Tensor: ...
