"""Colours of a surface by the values of another quantity on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from schnetpack_molfield.checks import optional_import
from schnetpack_molfield.fields.around_atoms import FieldAroundAtoms
from schnetpack_molfield.fields.captions import caption
from schnetpack_molfield.fields.palette import color_range

__all__ = ["SurfaceColors"]


@dataclass(frozen=True)
class SurfaceColors:
    """Values of a quantity at the vertices of surfaces, and the colours they have.

    Attributes:
        values: (n_vertices,) of every surface.
        title: name and unit of the quantity.
        colormap: name of one of matplotlib's.
        limits: values at the ends of the colours.
    """

    values: list[np.ndarray]
    title: str
    colormap: str
    limits: tuple[float, float]

    @classmethod
    def of(
        cls,
        field: FieldAroundAtoms,
        surfaces: Sequence[np.ndarray],
        limits: tuple[float, float] | None = None,
    ) -> SurfaceColors:
        """The colours of surfaces by a field with one channel.

        Args:
            field: what is asked.
            surfaces: vertices (n_vertices, 3) of every surface, in Angstrom.
            limits: values at the ends of the colours; those of 98 % of the values if None.

        Raises:
            ValueError: if the field has several channels, or limits don't grow.
        """
        if limits is not None and not limits[0] < limits[1]:
            raise ValueError(f"limits must be a lower and an upper value, got {limits}")
        column = field.index()
        values = [field(vertices)[:, column].numpy(force=True) for vertices in surfaces]
        channel = field.channels[column]
        colormap, low, high = color_range(np.concatenate(values))
        title = caption(channel, field.units[channel])
        return cls(values, title, colormap, limits or (low, high))

    @property
    def mappable(self) -> Any:
        """What matplotlib makes a colour bar of."""
        colors, cm = (optional_import(f"matplotlib.{x}", "viz") for x in ("colors", "cm"))
        return cm.ScalarMappable(colors.Normalize(*self.limits), self.colormap)

    @property
    def extend(self) -> str:
        """At which ends of the colour bar there are values beyond it."""
        low = any((x < self.limits[0]).any() for x in self.values)
        high = any((x > self.limits[1]).any() for x in self.values)
        return {(0, 0): "neither", (0, 1): "max", (1, 0): "min", (1, 1): "both"}[low, high]

    def rgba(self, surface: int) -> np.ndarray:
        """Colours (n_vertices, 4) of a surface from 0 to 255, to be kept with its vertices."""
        return self.mappable.to_rgba(self.values[surface], bytes=True)
