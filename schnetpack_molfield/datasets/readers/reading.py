"""Frames one after the other; whatever a parser raises becomes one line that names the frame."""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import TypeVar

from schnetpack_molfield.datasets.elements import no_element, types_known_to_ase

__all__ = ["each_frame"]

T = TypeVar("T")


def each_frame(frames: Iterator[T], elements: Mapping[str, str]) -> Iterator[T]:
    """Pass frames on, reading symbols as the map of atom types says.

    Raises:
        ValueError: naming the frame that can't be read, and why.
    """
    for frame in count():
        try:
            with types_known_to_ase(elements):
                item = next(frames)
        except StopIteration:
            return
        except Exception as error:  # parsers raise whatever comes up in them
            raise ValueError(f"frame {frame} can't be read ({_reason(error)})") from error
        yield item


def _reason(error: Exception) -> str:
    """The first line of an error; ASE's for an unknown symbol is nothing but that symbol."""
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        return no_element(error.args[0])
    return (str(error) or type(error).__name__).splitlines()[0]
