"""How a picture looks, as options of the command line."""

import math
from collections.abc import Sequence
from typing import Annotated

import typer

__all__ = [
    "Camera",
    "Center",
    "Colormap",
    "Dpi",
    "Levels",
    "Limits",
    "Normal",
    "Size",
    "Width",
    "numbers",
]

_PICTURES = "Pictures"


def numbers(count: int | None, option: str, text: str | None) -> Sequence[float] | None:
    """Numbers with commas between, as many as `count` says.

    Raises:
        ValueError: if they aren't.
    """
    if text is None:
        return None
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if not values or count not in (None, len(values)) or not all(map(math.isfinite, values)):
        expected = "numbers" if count is None else f"{count} numbers"
        raise ValueError(f"{option} must be {expected} with commas between, got {text!r}")
    return values


Limits = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH", help="Values at the ends of the colours.", rich_help_panel=_PICTURES
    ),
]
Levels = Annotated[
    str | None,
    typer.Option(metavar="A,B,...", help="Contours of a slice.", rich_help_panel=_PICTURES),
]
Colormap = Annotated[
    str | None,
    typer.Option(
        help="Of a slice, one of matplotlib's. Without it: positive is blue, negative is red.",
        rich_help_panel=_PICTURES,
    ),
]
Center = Annotated[
    str | None,
    typer.Option(metavar="X,Y,Z", help="Centre of a slice.", rich_help_panel=_PICTURES),
]
Normal = Annotated[
    str | None,
    typer.Option(
        metavar="X,Y,Z", help="Direction perpendicular to a slice.", rich_help_panel=_PICTURES
    ),
]
Size = Annotated[
    float | None,
    typer.Option(help="Edge of a slice in Angstrom.", rich_help_panel=_PICTURES),
]
Camera = Annotated[
    str | None,
    typer.Option(
        metavar="X,Y,Z",
        help="Direction from the molecule to the eye, of a surface.",
        rich_help_panel=_PICTURES,
    ),
]
Width = Annotated[float, typer.Option(help="Of the picture in inches.", rich_help_panel=_PICTURES)]
Dpi = Annotated[int, typer.Option(min=10, help="Pixels per inch.", rich_help_panel=_PICTURES)]
