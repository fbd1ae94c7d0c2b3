"""The chart at a molecule's centroid."""

import pytest
import torch
from schnetpack import properties

from schnetpack_molfield.representation.molecule_charts import MoleculeCharts

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}
MOLECULES = ("H2O", "H", "aspirin", "CH4")
SIZES = (3, 1, 21, 5)


@pytest.fixture
def charts(dtype):
    return MoleculeCharts(n_channels=6).to(dtype)


def test_origins_are_centroids(charts, batch, dtype):
    inputs = batch(*MOLECULES, dtype=dtype)
    features, origins = charts(torch.randn(sum(SIZES), 9, 6, dtype=dtype), inputs)
    expected = [positions.mean(0) for positions in inputs[properties.R].split(SIZES)]
    torch.testing.assert_close(origins, torch.stack(expected))
    assert features.shape == (4, 9, 6)


def test_distances_are_compressed_below_the_cutoff(batch, build, dtype, monkeypatch):
    """Those at which the molecule's chart is asked, d = 4 r / (4 + r), smooth at the centroid."""
    representation, inputs = build(dtype, charts="molecule"), batch(*MOLECULES, dtype=dtype)
    asked = []
    rows = representation.function.radial.forward
    monkeypatch.setattr(
        representation.function.radial,
        "forward",
        lambda distances, chart: (asked.append(distances.detach()), rows(distances, chart))[1],
    )
    outputs = representation(inputs)
    r = inputs[properties.R] - outputs["field_origins"][inputs[properties.idx_m]]
    d = torch.sqrt(r.square().sum(dim=1) + 1)
    expected = 4 * d / (4 + d)  # (n_atoms,)
    for one in expected:
        assert (asked[0] - one).abs().min() < 1e-5
    assert asked[0][:, 0].max() < 4


def test_neighbours_in_the_batch_do_not_matter(charts, batch, dtype):
    inputs = batch(*MOLECULES, dtype=dtype)
    features = torch.randn(sum(SIZES), 9, 6, dtype=dtype)
    pooled, _ = charts(features, inputs)
    for k, own in enumerate(features.split(SIZES)):
        alone, _ = charts(own, batch(MOLECULES[k], dtype=dtype))
        torch.testing.assert_close(pooled[k], alone[0], rtol=0, atol=TOLERANCE[dtype])


def test_pooled_features_are_equivariant(charts, batch, dtype, orthogonal):
    matrix, wigner = (m.to(dtype) for m in orthogonal)
    inputs = batch(*MOLECULES, dtype=dtype)
    features = torch.randn(sum(SIZES), 9, 6, dtype=dtype)
    expected = wigner @ charts(features, inputs)[0]
    turned = {**inputs, properties.R: inputs[properties.R] @ matrix.T}
    actual = charts(wigner @ features, turned)[0]
    torch.testing.assert_close(actual, expected, rtol=0, atol=TOLERANCE[dtype])


def test_multipoles_see_where_the_atoms_are(charts, batch, dtype):
    """With scalars only, directions come from the positions alone; a lone atom has none."""
    inputs = batch(*MOLECULES, dtype=dtype)
    features = torch.randn(sum(SIZES), 9, 6, dtype=dtype)
    features[:, 1:] = 0
    pooled, _ = charts(features, inputs)
    assert pooled[2, 1:].abs().max() > 0.1
    assert not pooled[1, 1:].any()


def test_periodic_structures_have_no_centroid(batch, build):
    representation = build(charts="molecule")
    with pytest.raises(ValueError, match='periodic structure; use charts="atom"') as error:
        representation(batch("water box"))
    assert "\n" not in str(error.value)
