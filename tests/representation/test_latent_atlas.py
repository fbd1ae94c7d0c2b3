"""Charts as functions of a latent."""

import pytest
import torch
from schnetpack import properties
from schnetpack.model import NeuralNetworkPotential

from schnetpack_molfield.atomistic import FieldValue
from schnetpack_molfield.representation.latent_atlas import LatentAtlas, LatentTable

N_CHARTS, N_LATENT = 5, 3


@pytest.fixture
def atlas(dtype):
    """An atlas that has been trained: nothing in it is zero."""
    atlas = LatentAtlas(torch.randn(N_CHARTS, 3, dtype=dtype), 8, N_LATENT, rank=2).to(dtype)
    for parameter in atlas.parameters():
        torch.nn.init.normal_(parameter)
    return atlas


def test_written_keys_and_shapes(atlas, dtype):
    written = atlas({"field_latent": torch.randn(2, N_LATENT, dtype=dtype)})
    shapes = {key: tuple(value.shape) for key, value in written.items()}
    assert shapes == {
        "field_latent": (2, N_LATENT),
        "field_features": (10, 9, 8),
        "field_origins": (10, 3),
        "field_idx_m": (10,),
        properties.Z: (10,),
        properties.R: (10, 3),
        properties.idx_m: (10,),
        properties.n_atoms: (2,),
        "field_axes": (10, 9, 8),
        "field_scales": (10, 1, 8),
        "field_tokens": (10, 4, 4),
    }
    assert written["field_idx_m"].tolist() == [0] * 5 + [1] * 5
    assert written["field_features"].dtype == written["field_origins"].dtype == dtype


def test_origins_and_features_are_linear_in_the_latent(atlas, dtype):
    ends = torch.randn(2, N_LATENT, dtype=dtype)
    between = torch.lerp(ends[:1], ends[1:], 0.3)
    for at_ends, middle in zip(atlas.charts(ends), atlas.charts(between), strict=True):
        expected = torch.lerp(at_ends[0], at_ends[1], 0.3)
        torch.testing.assert_close(middle[0], expected, rtol=1e-5, atol=1e-5)


def test_a_new_atlas_is_isotropic_and_starts_at_its_origins(dtype):
    origins = torch.randn(N_CHARTS, 3, dtype=dtype)
    found, features = LatentAtlas(origins, 8, N_LATENT).charts(torch.randn(4, N_LATENT).to(dtype))
    torch.testing.assert_close(found, origins.expand(4, -1, -1))
    assert features[:, :, 0].std() > 0.01 and not features[:, :, 1:].any()


def test_a_field_behind_it_in_a_schnetpack_model(dtype):
    """Members in one batch give what they give alone, at points of their own."""
    table = LatentTable(torch.randn(3, N_LATENT))
    atlas = LatentAtlas(torch.randn(N_CHARTS, 3), 8, N_LATENT, moves=torch.randn(3, N_CHARTS, 3))
    model = NeuralNetworkPotential(atlas, [table], [FieldValue(8, ["a", "b"])]).to(dtype)
    points = torch.randn(6, 3, dtype=dtype)
    both = {"field_member": torch.tensor([2, 0]), "field_n_points": torch.tensor([2, 4])}
    values = model({**both, "field_points": points})["field"]
    for member, rows in ((2, slice(0, 2)), (0, slice(2, 6))):
        one = {"field_member": torch.tensor([member]), "field_points": points[rows]}
        one["field_n_points"] = torch.tensor([len(points[rows])])
        torch.testing.assert_close(model(one)["field"], values[rows], rtol=1e-5, atol=1e-6)
    gradient = torch.autograd.grad(values.sum(), [table.latents])[0]
    assert gradient[[0, 2]].abs().min() > 0 and not gradient[1].any()


def test_a_latent_between_members_is_kept():
    table = LatentTable(torch.randn(2, N_LATENT))
    between = torch.randn(1, N_LATENT)
    assert table({"field_latent": between})["field_latent"] is between


def test_torchscript_gives_the_same(atlas, dtype):
    latent = torch.randn(2, N_LATENT, dtype=dtype)
    scripted = torch.jit.script(atlas)({"field_latent": latent})
    for key, value in atlas({"field_latent": latent}).items():
        torch.testing.assert_close(scripted[key], value)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"origins must have shape \(n_charts, 3\), got \(0, 3\)"):
        LatentAtlas(torch.zeros(0, 3))
    with pytest.raises(ValueError, match=r"moves must have shape \(16, 5, 3\), got \(16, 4, 3\)"):
        LatentAtlas(torch.zeros(5, 3), moves=torch.zeros(16, 4, 3))
    with pytest.raises(ValueError, match=r"field_latent has shape .*expected \(n_models, 16\)"):
        LatentAtlas(torch.zeros(5, 3))({"field_latent": torch.zeros(1, 3)})


@pytest.mark.parametrize("degree", [0, 2])
def test_charts_of_degree_0_are_isotropic(degree, dtype):
    """All points at the same distance from a lone chart are alike."""
    atlas = LatentAtlas(torch.zeros(1, 3), 8, N_LATENT, degree=degree).to(dtype)
    torch.nn.init.normal_(atlas.features)
    head = FieldValue(8, ["a"], degree=degree).to(dtype)
    points = 1.3 * torch.nn.functional.normalize(torch.randn(9, 3, dtype=dtype), dim=1)
    asked = {"field_points": points, "field_n_points": torch.tensor([9])}
    latent = {"field_latent": torch.zeros(1, N_LATENT, dtype=dtype)}
    values = head(atlas(latent | asked))["field"]
    assert values.abs().min() > 1e-4
    assert bool(values.std() < 1e-5 * values.abs().max()) == (degree == 0)


def test_options_of_its_function():
    """Width, depth, parts and window."""
    options = {"n_hidden": 12, "n_rbf": 5, "n_layers": 3, "frame": "soft", "hypernetwork": "none"}
    atlas = LatentAtlas(torch.randn(N_CHARTS, 3), 8, N_LATENT, cutoff=2.5, **options)
    written = atlas({"field_latent": torch.randn(2, N_LATENT)})
    assert written["field_axes"].shape == (10, 9, 12)
    assert written["field_scales"].shape == (10, 2, 12)
    assert not written["field_tokens"].any()
    far = written["field_origins"].amax(dim=0, keepdim=True) + 2.5
    assert not atlas.read(far, torch.zeros(1).long(), written).any()
