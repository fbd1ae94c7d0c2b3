"""Parts of a model by name, or of the user's own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from schnetpack_molfield.checks import check_choice

__all__ = ["Part", "check_part", "make_part"]

#: A part by name, or whatever makes one: a class, a function, a partial from a configuration.
Part = str | Callable[..., nn.Module]


def make_part(
    option: str, part: Part, known: Mapping[str, Callable[..., nn.Module]], *arguments: Any
) -> nn.Module:
    """Build a part of a model with these arguments.

    Args:
        option: name of the option, for messages.
        part: one of the known names, or a callable that takes the arguments.
        known: what the names stand for.
        arguments: handed to the part.

    Raises:
        ValueError: for an unknown name.
        TypeError: for something that makes no module of these arguments.
    """
    if isinstance(part, str):
        check_choice(option, part, list(known))
        part = known[part]
    if isinstance(part, nn.Module) or not callable(part):
        raise TypeError(
            f"{option} must be one of {', '.join(known)}, or a class or partial that makes one "
            f"(_partial_: true in a configuration), got {type(part).__name__}"
        )
    try:
        module = part(*arguments)
    except TypeError as error:
        raise TypeError(f"{option} can't be made of the arguments it is given: {error}") from error
    if not isinstance(module, nn.Module):
        raise TypeError(f"{option} must make a torch.nn.Module, got {type(module).__name__}")
    return module


def check_part(option: str, part: nn.Module, given: Sequence[int], expected: Sequence[int]) -> None:
    """Raise ValueError unless the part maps a tensor of the one shape to one of the other."""
    with torch.no_grad():
        made = part(torch.zeros(*given))
    shape = tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__
    if shape != tuple(expected):
        raise ValueError(
            f"{option} {type(part).__name__} maps {tuple(given)} to {shape}, "
            f"expected {tuple(expected)}"
        )
