"""Pictures are written, show what they should, and overwrite nothing."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule

from schnetpack_molfield.fields import MolecularField, PromoleculeDensity, VectorFunction

pytest.importorskip("matplotlib")
pytest.importorskip("skimage")


def p_orbital() -> MolecularField:
    """Positive above the plane, negative below."""

    def evaluate(points: torch.Tensor) -> torch.Tensor:
        return points[:, 2:] * torch.exp(-points.square().sum(dim=1, keepdim=True))

    return MolecularField(evaluate, Atoms("C"), ["p"], "1/Ang^1.5")


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


def test_slice_leaves_out_atoms_far_from_it():
    atoms = Atoms("CN", positions=[[0, 0, 0], [0, 0, 3.0]])
    figure = (
        VectorFunction(["C"])
        .of(atoms)
        .picture(channel="C", center=[0, 0, 0], normal=[0, 0, 1], size=4.0, spacing=0.5)
    )
    assert [text.get_text() for text in figure.axes[0].texts] == ["C"]


def test_signed_values_get_a_diverging_map():
    figure = p_orbital().picture(normal=[1, 0, 0], size=4.0, spacing=0.2)
    low, high = figure.axes[0].collections[0].get_clim()
    assert low == -high


def test_surface_has_both_signs_where_there_are_both(tmp_path):
    figure = p_orbital().render(tmp_path / "p.png", level=0.1, spacing=0.3)
    assert (tmp_path / "p.png").stat().st_size > 1000
    density = PromoleculeDensity().of(molecule("H2O")).render(level=0.1, spacing=0.4)
    surfaces = [len(f.axes[0].collections) - 1 for f in (figure, density)]  # atoms are one
    assert surfaces == [2, 1]
    assert density.axes[0].get_title() == "electron_density (e/Ang^3)"
    assert len(density.axes[0].lines) == 2  # bonds


def test_constant_field_and_single_atom_can_be_drawn(tmp_path):
    field = MolecularField(lambda points: 0 * points[:, :1], Atoms("He"), ["zero"])
    field.picture(tmp_path / "zero.png", spacing=0.5)
    assert (tmp_path / "zero.png").exists()


def test_view_shows_the_molecule_and_the_surfaces():
    pytest.importorskip("py3Dmol")
    page = p_orbital().view(level=0.1, spacing=0.5).write_html()
    assert page.count("addVolumetricData") == 2
    assert "addModel" in page


@pytest.mark.parametrize("draw", ["picture", "render"])
def test_existing_pictures_are_kept_without_force(tmp_path, draw):
    path = tmp_path / "x.png"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="use force=True"):
        getattr(p_orbital(), draw)(path)
    assert path.read_text() == "mine"
    with pytest.raises(ValueError, match=r"must end in one of .png, .pdf, .svg"):
        getattr(p_orbital(), draw)(tmp_path / "x.bmp")
