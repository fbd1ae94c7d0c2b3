"""Options that are names."""

from collections.abc import Sequence
from difflib import get_close_matches

__all__ = ["check_choice"]


def check_choice(option: str, name: str, known: Sequence[str]) -> None:
    """Raise ValueError, with the nearest known name, unless `name` is one of `known`."""
    if name not in known:
        near = get_close_matches(str(name), known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"unknown {option} {name!r}; {hint}known: {', '.join(known)}")
