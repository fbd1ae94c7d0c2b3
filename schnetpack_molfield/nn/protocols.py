"""What a representation asks of SchNetPack's radial bases and cutoff functions."""

from abc import abstractmethod
from typing import Protocol

from torch import Tensor

__all__ = ["CutoffFunction", "RadialBasis"]


class RadialBasis(Protocol):
    """Maps distances (...) to features (..., n_rbf)."""

    n_rbf: int

    @abstractmethod
    def __call__(self, distances: Tensor, /) -> Tensor:
        """Evaluate all features."""


class CutoffFunction(Protocol):
    """Maps distances (...) to weights (...), zero beyond `cutoff`, shape (1,)."""

    cutoff: Tensor

    @abstractmethod
    def __call__(self, distances: Tensor, /) -> Tensor:
        """Evaluate the window."""
