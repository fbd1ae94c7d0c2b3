"""Reading learned encodings: curves, similarity, picture."""

import pytest
import torch
from schnetpack.nn import BesselRBF, CosineCutoff, GaussianRBF
from schnetpack.representation import FieldSchNet, PaiNN

from schnetpack_molfield.analysis.encodings import (
    encoding_curves,
    linear_cka,
    plot_encodings,
    similarity_matrix,
)
from schnetpack_molfield.nn import LearnedRadialEncoding

pytest.importorskip("matplotlib")


def representation(basis, cutoff=5.0):
    return PaiNN(8, 1, basis, CosineCutoff(cutoff))


@pytest.mark.parametrize("basis", [GaussianRBF, BesselRBF, LearnedRadialEncoding])
def test_curves_are_those_of_the_basis(basis):
    module = basis(20, 5.0)
    curves = encoding_curves(representation(module))
    assert curves.distances[[0, -1]].tolist() == [0.5, 5.0]
    torch.testing.assert_close(curves.values, module(curves.distances.float()).double())


def test_representation_without_cutoff():
    """SchNetPack's FieldSchNet only has its cutoff function."""
    model = FieldSchNet(8, 1, LearnedRadialEncoding(8, 4.0), [], cutoff_fn=CosineCutoff(4.0))
    assert encoding_curves(model).distances[-1] == 4.0


def test_resolution_is_the_speed_of_the_features():
    curves = encoding_curves(representation(LearnedRadialEncoding(8, 5.0).double()), n_points=4001)
    step = curves.distances[1] - curves.distances[0]
    speed = (curves.values[2:] - curves.values[:-2]).norm(dim=1) / (2 * step)
    torch.testing.assert_close(curves.resolution[1:-1], speed, rtol=1e-4, atol=0)


def test_curves_of_a_pair():
    basis = LearnedRadialEncoding(8, 5.0, pair_rank=2)
    torch.nn.init.normal_(basis.pair.mixing)
    model = representation(basis)
    ch, oh = encoding_curves(model, pair=("C", "H")), encoding_curves(model, pair=("O", "H"))
    assert (ch.values - oh.values).abs().max() > 1e-2
    with pytest.raises(ValueError, match="depends on the pair of elements"):
        encoding_curves(model)
    with pytest.raises(ValueError, match="unknown element 'Cc'"):
        encoding_curves(model, pair=("Cc", "H"))


def test_model_without_radial_basis():
    with pytest.raises(ValueError, match="no radial encoding in Linear"):
        encoding_curves(torch.nn.Linear(2, 2), cutoff=5.0)


def test_similarity_ignores_rotation_scale_and_offset():
    x = torch.randn(200, 5, dtype=torch.float64)
    rotation = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64))[0]
    assert linear_cka(x, 3 * x @ rotation + 1) == pytest.approx(1)


def test_similarity_of_known_features():
    """cos and sin over a period are orthogonal; their pair shares half with each of them."""
    phi = torch.arange(400, dtype=torch.float64)[:, None] * (2 * torch.pi / 400)
    matrix = similarity_matrix([phi.cos(), phi.sin(), torch.cat([phi.cos(), phi.sin()], dim=1)])
    half = 0.5**0.5
    expected = torch.tensor([[1, 0, half], [0, 1, half], [half, half, 1]])
    torch.testing.assert_close(matrix, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_picture(tmp_path, suffix):
    bases = {"gaussian": GaussianRBF(8, 5.0), "learned": LearnedRadialEncoding(8, 5.0)}
    curves = {name: encoding_curves(representation(basis)) for name, basis in bases.items()}
    path = plot_encodings(curves, tmp_path / f"curves.{suffix}", elements=["H", "C"])
    assert path.stat().st_size > 10_000


def test_nothing_is_overwritten_or_written_for_bad_input(tmp_path):
    curves = {"model": encoding_curves(representation(GaussianRBF(8, 5.0)))}
    path = tmp_path / "curves.png"
    with pytest.raises(ValueError, match="unknown element 'Ch'; did you mean"):
        plot_encodings(curves, path, elements=["Ch"])
    with pytest.raises(ValueError, match="must end in one of .png"):
        plot_encodings(curves, tmp_path / "curves.txt")
    assert not list(tmp_path.iterdir())
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="exists"):
        plot_encodings(curves, path)
    assert path.read_text() == "mine"
    plot_encodings(curves, path, force=True)
    assert path.stat().st_size > 10_000


def test_an_interruption_leaves_no_half_picture(tmp_path, monkeypatch):
    def interrupt(figure, path, **options):
        path.write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", interrupt)
    curves = {"a": encoding_curves(representation(BesselRBF(8, 5.0)))}
    with pytest.raises(KeyboardInterrupt):
        plot_encodings(curves, tmp_path / "curves.png")
    assert not list(tmp_path.iterdir())
