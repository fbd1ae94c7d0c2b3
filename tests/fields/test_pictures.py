"""Pictures are written, show what they should, and overwrite nothing."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule

from schnetpack_molfield.fields import (
    BallDistance,
    MolecularField,
    PromoleculeDensity,
    VectorFunction,
)
from schnetpack_molfield.fields.captions import caption, quantity
from schnetpack_molfield.fields.palette import NEGATIVE, POSITIVE, color_range, level_colors

pytest.importorskip("matplotlib")
pytest.importorskip("skimage")


def p_orbital() -> MolecularField:
    """Positive above the plane, negative below."""

    def evaluate(points: torch.Tensor) -> torch.Tensor:
        return points[:, 2:] * torch.exp(-points.square().sum(dim=1, keepdim=True))

    return MolecularField(evaluate, Atoms("C"), ["p"], "1/Ang^1.5")


@pytest.mark.parametrize(
    ("channel", "unit", "text"),
    [
        ("electron_density", "e/Ang^3", "electron density / e Å⁻³"),
        ("electron_density", "e/bohr^3", "electron density / e a₀⁻³"),
        ("electrostatic_potential", "V", "electrostatic potential / V"),
        ("sdf", "Ang", "signed distance / Å"),
        ("HOMO", "1/Ang^1.5", "HOMO / Å$^{-3/2}$"),
        ("C", "", "C"),
        ("x", "kcal/mol", "x / kcal mol⁻¹"),
        ("x", "arb. units", "x / arb. units"),
    ],
)
def test_captions(channel, unit, text):
    assert caption(channel, unit) == text
    assert quantity(-0.01, unit).startswith("−0.01")


def test_slice_shows_the_values_and_the_atoms(tmp_path):
    atoms = molecule("H2O")
    atoms.rotate(33, (1, 2, 3))
    field = VectorFunction(["O", "H"]).of(atoms)
    figure = field.picture(tmp_path / "slice.png", channel="H", spacing=0.2)
    assert (tmp_path / "slice.png").stat().st_size > 1000
    axes = figure.axes[0]
    symbols = {text.get_text(): np.array(text.get_position()) for text in axes.texts}
    assert set(symbols) == {"O", "H"}
    drawn = np.linalg.norm(symbols["O"] - symbols["H"])
    assert drawn == pytest.approx(atoms.get_distance(0, 1), abs=1e-6)  # planar, true to scale
    mesh = axes.collections[0]
    _, values = field.plane(spacing=0.2)
    np.testing.assert_allclose(mesh.get_array().ravel(), values[..., 1].ravel())
    assert figure.axes[1].get_ylabel() == "H"


def test_atoms_fade_with_their_distance_from_the_plane():
    atoms = Atoms("CNOF", positions=[[0, 0, 0], [2, 0, 1.5], [-2, 0, 2.4], [0, 2, 4.0]])
    field = VectorFunction(["C"]).of(atoms)
    plane = {"center": [0, 0, 0], "normal": [0, 0, 1], "size": 8.0, "spacing": 0.5}
    axes = field.picture(channel="C", **plane).axes[0]
    opacity = {text.get_text(): text.get_alpha() for text in axes.texts}
    assert opacity == pytest.approx({"C": 1.0, "N": 0.5, "O": 0.2})
    assert len(axes.patches) == 3


def test_what_is_empty_is_cropped_unless_a_size_is_asked_for():
    atoms = Atoms("C4", positions=[[3.0 * i, 0, 0] for i in range(4)])
    field = VectorFunction(["C"]).of(atoms)
    figure = field.picture(spacing=0.2)
    (left, right), (lower, upper) = _window(figure)
    first = figure.axes[0].collections[1].get_paths()[0].vertices  # the outermost contour
    widest = np.ptp(first, axis=0) + 2 * 0.5
    assert (right - left, upper - lower) == pytest.approx(tuple(widest), abs=0.4)  # of the grid
    distance = BallDistance().of(atoms).picture(spacing=0.2)  # colours everywhere
    (left, right), (lower, upper) = _window(distance)
    assert (right - left, upper - lower) == pytest.approx((14.0, 5.0))
    (left, right), (lower, upper) = _window(field.picture(spacing=0.2, size=20.0))
    assert (right - left, upper - lower) == pytest.approx((20.0, 20.0))


def _window(figure):
    return figure.axes[0].get_xlim(), figure.axes[0].get_ylim()


def test_balls_have_the_scale_of_the_molecule():
    radii = []
    for spread in (1.5, 6.0):
        atoms = Atoms("C2", positions=[[0, 0, 0], [spread, 0, 0]])
        axes = VectorFunction(["C"]).of(atoms).picture(spacing=0.5).axes[0]
        radii.append([ball.get_radius() for ball in axes.patches])
    assert radii[0] == radii[1] == pytest.approx([0.4 * 0.76] * 2)  # in Angstrom


def test_signed_values_get_a_diverging_map_that_is_blue_above():
    figure = p_orbital().picture(normal=[1, 0, 0], size=4.0, spacing=0.2)
    mesh = figure.axes[0].collections[0]
    low, high = mesh.get_clim()
    assert low == -high
    red, _, blue, _ = mesh.get_cmap()(0.95)
    assert blue > red
    assert mesh.get_cmap()(0.05)[0] > mesh.get_cmap()(0.05)[2]
    assert figure.axes[1].get_ylabel() == "p / Å$^{-3/2}$"


@pytest.mark.parametrize("sign", [1, -1])
def test_noise_of_the_other_sign_makes_no_map_of_two_colours(sign):
    rng = np.random.default_rng(0)
    radius = np.hypot(*np.meshgrid(*[np.linspace(-4, 4, 81)] * 2))
    values = sign * (np.exp(-(radius**2)) + 0.01 * rng.uniform(-1, 1, radius.shape))
    name, low, high = color_range(values)
    assert name == {1: "Blues", -1: "Reds_r"}[sign]
    assert (low == 0) if sign > 0 else (high == 0)
    assert color_range(values - 0.2 * sign)[0] == "RdBu"


def test_the_zero_of_a_distance_stands_out():
    axes = BallDistance().of(molecule("H2O")).picture(spacing=0.1).axes[0]
    contours = axes.collections[1]
    widths = dict(zip(contours.levels, contours.get_linewidths(), strict=True))
    assert widths[0.0] > 3 * max(width for level, width in widths.items() if level != 0)


def test_options_of_a_slice(tmp_path):
    field = PromoleculeDensity().of(molecule("H2O"))
    look = {"limits": (0.1, 2.0), "levels": [0.5, 0.2], "colormap": "viridis", "width": 3.0}
    figure = field.picture(tmp_path / "x.png", spacing=0.2, dpi=100, **look)
    mesh, contours = figure.axes[0].collections
    assert mesh.get_clim() == (0.1, 2.0) and mesh.get_cmap().name == "viridis"
    assert contours.levels.tolist() == [0.2, 0.5]
    from matplotlib.image import imread

    assert imread(tmp_path / "x.png").shape[1] == 300
    with pytest.raises(ValueError, match="colour map 'virids'; did you mean 'viridis'"):
        field.picture(colormap="virids")
    with pytest.raises(ValueError, match="limits must be a lower and an upper value"):
        field.picture(limits=(1.0, 0.0))


def test_an_svg_is_small(tmp_path):
    field = PromoleculeDensity().of(molecule("CH3CONH2"))
    field.picture(tmp_path / "slice.svg")
    assert (tmp_path / "slice.svg").stat().st_size < 1e6


def test_surface_has_both_signs_where_there_are_both(tmp_path):
    pytest.importorskip("pyvista")
    figure = p_orbital().render(tmp_path / "p.svg", level=0.1, spacing=0.3, dpi=80)
    assert 1000 < (tmp_path / "p.svg").stat().st_size < 1e6
    assert legend(figure) == ["0.1 Å$^{-3/2}$", "−0.1 Å$^{-3/2}$", "C"]
    density = PromoleculeDensity().of(molecule("H2O"))
    figure = density.render(level=0.1, spacing=0.4, dpi=50, width=3.0, camera=[0, 0, 1])
    assert legend(figure) == ["0.1 e Å⁻³", "H", "O"]
    assert figure.axes[0].get_title() == "electron density / e Å⁻³"
    image = figure.axes[0].images[0].get_array().astype(int)  # (height, width, 3)
    assert (image[..., 2] > image[..., 0] + 20).mean() > 0.2  # a blue surface
    assert (image[:2] > 240).all() and (image[image.shape[0] // 2] < 240).any()
    with pytest.raises(ValueError, match="camera must be a direction of three numbers"):
        density.render(level=0.1, spacing=0.4, camera=[0, 0, 0])


def legend(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_colours_of_levels():
    assert level_colors([0.1, -0.1]) == [POSITIVE, NEGATIVE]
    pale, full = level_colors([0.1, 0.5])
    assert full == POSITIVE and int(pale[1:3], 16) > int(full[1:3], 16)


def test_constant_field_and_single_atom_can_be_drawn(tmp_path):
    field = MolecularField(lambda points: 0 * points[:, :1], Atoms("He"), ["zero"])
    field.picture(tmp_path / "zero.png", spacing=0.5)
    assert (tmp_path / "zero.png").exists()


def test_view_shows_the_molecule_the_surfaces_and_a_legend():
    pytest.importorskip("py3Dmol")
    page = p_orbital().view(level=0.1, spacing=0.5).write_html()
    assert page.count("addVolumetricData") == 2
    assert "addModel" in page and POSITIVE in page and NEGATIVE in page
    assert page.count("addLabel") == 3


@pytest.mark.parametrize("draw", ["picture", "render"])
def test_existing_pictures_are_kept_without_force(tmp_path, draw):
    path = tmp_path / "x.png"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="use force=True"):
        getattr(p_orbital(), draw)(path)
    assert path.read_text() == "mine"
    with pytest.raises(ValueError, match=r"must end in one of .png, .pdf, .svg"):
        getattr(p_orbital(), draw)(tmp_path / "x.bmp")
