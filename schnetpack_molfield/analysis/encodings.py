"""Read learned encodings: curves over the distance, and how alike those of several models are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ase.data import atomic_numbers, covalent_radii
from ase.data.vdw_alvarez import vdw_radii
from schnetpack.nn.radial import BesselRBF, GaussianRBF, GaussianRBFCentered
from torch import Tensor, nn

from schnetpack_molfield.checks import check_choice, check_new_file, optional_import
from schnetpack_molfield.new_files import replace_when_complete
from schnetpack_molfield.nn import LearnedRadialEncoding

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "PICTURES",
    "EncodingCurves",
    "encoding_curves",
    "linear_cka",
    "model_cutoff",
    "plot_encodings",
    "similarity_matrix",
]

BASES = (LearnedRadialEncoding, GaussianRBF, GaussianRBFCentered, BesselRBF)
SHORTEST = 0.5  # Angstrom; no two atoms come closer in molecules
PICTURES = (".png", ".pdf", ".svg")


@dataclass(frozen=True)
class EncodingCurves:
    """A radial encoding sampled along the distance.

    Attributes:
        distances: shape (n_points,), in the unit of the model, Angstrom in SchNetPack.
        values: the features, shape (n_points, n_rbf).
        resolution: length of the derivative of the feature vector, shape (n_points,): how far
            apart two neighbouring distances lie for the model. Constant for uniform Gaussians.
    """

    distances: Tensor
    values: Tensor
    resolution: Tensor


def encoding_curves(
    model: nn.Module,
    cutoff: float | None = None,
    pair: tuple[str, str] | None = None,
    n_points: int = 500,
) -> EncodingCurves:
    """Sample the radial encoding of a model from 0.5 Angstrom to the cutoff.

    Args:
        model: a SchNetPack model or representation with a learned, Gaussian or Bessel basis.
        cutoff: where to stop; by default at the model's own cutoff.
        pair: symbols of two elements, for encodings that depend on them (`pair_rank` > 0).
        n_points: number of distances.

    Raises:
        ValueError: if there is no radial basis, or it depends on the elements and `pair` is
            missing or names an unknown element.
    """
    basis = _radial_basis(model)
    cutoff = cutoff or model_cutoff(model)
    d = torch.linspace(SHORTEST, cutoff, n_points, dtype=torch.float64, requires_grad=True)
    d_model = d.to(next(iter(basis.state_dict().values())).dtype)  # (n_points,)
    values = basis(d_model, *_elements(basis, pair, n_points))  # (n_points, n_rbf)
    slopes = [
        torch.autograd.grad(feature.sum(), d, retain_graph=True)[0] for feature in values.T
    ]  # n_rbf times (n_points,)
    resolution = torch.stack(slopes).norm(dim=0)  # (n_points,)
    return EncodingCurves(d.detach(), values.detach().double(), resolution)


def model_cutoff(model: nn.Module) -> float:
    """Cutoff of a model or representation."""
    representation: Any = getattr(model, "representation", model)
    return float(representation.cutoff_fn.cutoff)


def linear_cka(
    x: Tensor,  # (n_points, p)
    y: Tensor,  # (n_points, q)
) -> float:
    r"""Similarity of two encodings of the same points, between 0 and 1.

    Linear centred kernel alignment (Kornblith et al. 2019, arXiv:1905.00414),

    .. math::
        \frac{\| Y^T X \|_F^2}{\| X^T X \|_F \, \| Y^T Y \|_F}

    of the column-centred features. It doesn't change when features are rotated, permuted or
    scaled together, and is 1 for encodings that are equal up to that.

    Args:
        x: features of one encoding, shape (n_points, p).
        y: features of the other at the same points, shape (n_points, q).
    """
    x, y = x - x.mean(0), y - y.mean(0)
    return float((y.T @ x).square().sum() / ((x.T @ x).norm() * (y.T @ y).norm()))


def similarity_matrix(encodings: Sequence[Tensor]) -> Tensor:
    """`linear_cka` of every pair of encodings, each (n_points, n_features)."""
    return torch.tensor([[linear_cka(x, y) for y in encodings] for x in encodings])


def plot_encodings(
    curves: Mapping[str, EncodingCurves],
    path: str | Path,
    elements: Sequence[str] = ("H", "C", "N", "O"),
    force: bool = False,
) -> Path:
    """Draw the encodings of one or more models, and their similarity.

    One panel for each model with its features over the distance, one with the resolution of all,
    and the similarity matrix where there are several models. Solid lines mark the sums of covalent
    radii (Cordero et al. 2008) of all pairs of the elements, dashed ones those of the van der Waals
    radii (Alvarez 2013).

    Args:
        curves: the encodings by the name of the model, on the same distances.
        path: picture to write, .png, .pdf or .svg.
        elements: symbols whose pairs are marked.
        force: overwrite the picture if it exists.

    Returns:
        The path of the picture.

    Raises:
        ValueError: for an unknown element or ending of the file.
        FileExistsError: if the picture exists and `force` isn't set.
        ImportError: if matplotlib isn't installed.
    """
    path = check_new_file(path, PICTURES, force)
    covalent, van_der_waals = _marks(elements, covalent_radii), _marks(elements, vdw_radii)
    figure = optional_import("matplotlib.figure", "viz").Figure(layout="constrained")
    n_rows, several = len(curves) + 1, len(curves) > 1
    figure.set_size_inches(11 if several else 7, 1.5 + 2 * n_rows)
    grid = figure.add_gridspec(n_rows, 2 if several else 1)
    panels = [figure.add_subplot(grid[row, 0]) for row in range(n_rows)]
    _draw_curves(panels, curves)
    for panel in panels:
        _draw_marks(panel, covalent, "-", labels=panel is panels[0])
        _draw_marks(panel, van_der_waals, "--", labels=panel is panels[0])
    if several:
        _draw_similarity(figure.add_subplot(grid[:, 1]), curves)
    with replace_when_complete(path) as partial:
        figure.savefig(partial, dpi=150)
    return path


def _radial_basis(model: nn.Module) -> nn.Module:
    """The first radial basis in a model."""
    for module in model.modules():
        if isinstance(module, BASES):
            return module
    raise ValueError(
        f"found no radial encoding in {type(model).__name__}; the model needs one of "
        + ", ".join(base.__name__ for base in BASES)
    )


def _elements(basis: nn.Module, pair: tuple[str, str] | None, n_points: int) -> list[Tensor]:
    """Atomic numbers to call the basis with."""
    if getattr(basis, "pair", None) is None:
        return []
    if pair is None:
        raise ValueError("the encoding depends on the pair of elements; name one, such as C-H")
    return [torch.full((n_points,), _atomic_number(symbol)) for symbol in pair]


def _atomic_number(symbol: str) -> int:
    check_choice("element", symbol, list(atomic_numbers)[1:])
    return int(atomic_numbers[symbol])


def _marks(elements: Sequence[str], radii: np.ndarray) -> dict[str, float]:
    """Sum of the radii for every pair of elements, in ascending order."""
    radius = {symbol: float(radii[_atomic_number(symbol)]) for symbol in elements}
    sums = {f"{a}-{b}": radius[a] + radius[b] for a, b in combinations_with_replacement(radius, 2)}
    return dict(sorted(sums.items(), key=lambda item: item[1]))


def _draw_curves(panels: "Sequence[Axes]", curves: Mapping[str, EncodingCurves]) -> None:
    """Draw the features of one model in each panel, the resolution of all in the last."""
    for panel, (name, curve) in zip(panels, curves.items(), strict=False):
        panel.plot(curve.distances, curve.values, linewidth=1)
        panel.set_ylabel(name)
        panels[-1].plot(curve.distances, curve.resolution, label=name)
    for panel in panels:
        panel.set_xlim(SHORTEST, max(float(curve.distances[-1]) for curve in curves.values()))
    panels[-1].set(xlabel="distance / Å", ylabel="resolution / Å$^{-1}$")
    panels[-1].legend(fontsize="small")


def _draw_marks(panel: "Axes", marks: dict[str, float], style: str, labels: bool) -> None:
    """Draw a vertical line at each distance; label those of the top panel above it."""
    for rank, (name, distance) in enumerate(marks.items()):
        panel.axvline(distance, color="grey", linestyle=style, linewidth=0.6, zorder=0)
        if labels:
            place = (distance, 1.02 + 0.14 * (rank % 3))  # neighbours at different heights
            panel.annotate(
                name,
                place,
                xycoords=("data", "axes fraction"),
                rotation=90,
                ha="center",
                va="bottom",
                fontsize=6,
            )


def _draw_similarity(panel: "Axes", curves: Mapping[str, EncodingCurves]) -> None:
    """Draw the similarity matrix with its numbers."""
    matrix = similarity_matrix([curve.values for curve in curves.values()])
    panel.imshow(matrix, vmin=0, vmax=1, cmap="viridis")
    ticks = range(len(curves))
    panel.set_xticks(ticks, list(curves), rotation=45, ha="right")
    panel.set_yticks(ticks, list(curves))
    panel.set_title("similarity (linear CKA)")
    for row in ticks:
        for column in ticks:
            value = float(matrix[row, column])
            colour = "black" if value > 0.6 else "white"
            panel.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour)
