"""Pictures of fields: where they go, and an interactive view for notebooks."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

from schnetpack_molfield.checks import check_new_file, check_positive, optional_import
from schnetpack_molfield.fields.captions import caption, quantity
from schnetpack_molfield.fields.cube import write_cube
from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.fields.palette import level_colors
from schnetpack_molfield.new_files import replace_when_complete

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_pixels", "picture_path", "save", "view_surfaces"]

#: Endings of the pictures that can be written.
PICTURES = (".png", ".pdf", ".svg")

#: Pixels along the width of a picture that graphics libraries can draw.
_MOST_PIXELS = 16384


def view_surfaces(
    grid: Grid,
    values: np.ndarray,
    levels: Sequence[float],
    atoms: Atoms,
    channel: str = "",
    unit: str = "",
) -> Any:
    """A py3Dmol view with one surface per level and a legend.

    Args:
        grid: where the values are.
        values: (nx, ny, nz).
        levels: values on the surfaces.
        atoms: the molecule.
        channel: name of the channel, for the legend.
        unit: of the levels.
    """
    view = optional_import("py3Dmol", "viz").view(width=600, height=500)
    xyz = io.StringIO()
    atoms.write(xyz, format="xyz")
    view.addModel(xyz.getvalue(), "xyz")
    view.setStyle({"stick": {"radius": 0.12}, "sphere": {"scale": 0.25}})
    with TemporaryDirectory() as folder:
        cube = Path(folder, "field.cube")
        write_cube(cube, atoms, grid, values)
        volume = cube.read_text()
    _add_label(view, caption(channel, unit), "black", 0)
    for row, (level, color) in enumerate(zip(levels, level_colors(levels), strict=True), 1):
        view.addVolumetricData(volume, "cube", {"isoval": level, "color": color, "opacity": 0.7})
        _add_label(view, quantity(level, unit), color, row)
    view.zoomTo()
    return view


def _add_label(view: Any, text: str, color: str, row: int) -> None:
    place = {"useScreen": True, "position": {"x": 10, "y": 10 + 22 * row, "z": 0}}
    look = {"backgroundOpacity": 0, "fontColor": color, "fontSize": 14, "inFront": True}
    view.addLabel(text.replace("$", ""), {**place, **look})


def check_pixels(width: float, dpi: float) -> None:
    """Raise ValueError for a picture, `width` inches wide, that can't be drawn."""
    check_positive("width", width)
    check_positive("dpi", dpi)
    if width * dpi > _MOST_PIXELS:
        raise ValueError(
            f"a picture {width:g} inches wide has {width * dpi:.0f} pixels at {dpi:g} per inch; "
            f"at most {_MOST_PIXELS} can be drawn"
        )


def picture_path(path: str | Path | None, force: bool) -> Path | None:
    """The checked path of a picture, or None; errors are those of `check_new_file`."""
    return None if path is None else check_new_file(path, PICTURES, force)


def save(figure: Figure, path: Path | None, dpi: int = 200) -> Figure:
    """Write a figure to a file, if there is one, and hand it back."""
    if path is not None:
        with replace_when_complete(path) as partial:
            figure.savefig(partial, dpi=dpi)
    return figure
