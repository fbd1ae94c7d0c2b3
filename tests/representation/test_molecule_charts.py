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
    return MoleculeCharts(n_channels=6, n_hidden=8, n_rbf=5, cutoff=4.0).to(dtype)


def test_origins_are_centroids(charts, batch, dtype):
    inputs = batch(*MOLECULES, dtype=dtype)
    origins = charts(inputs)[2]
    expected = [positions.mean(0) for positions in inputs[properties.R].split(SIZES)]
    torch.testing.assert_close(origins, torch.stack(expected))


def test_distances_are_compressed_below_the_cutoff(charts, batch, dtype):
    inputs = batch(*MOLECULES, dtype=dtype)
    _, compressed, origins = charts(inputs)
    r = (inputs[properties.R] - origins[inputs[properties.idx_m]]).norm(dim=1)
    d = torch.sqrt(r**2 + 1)
    torch.testing.assert_close(compressed[:-1], 4 * d / (4 + d))
    assert compressed.max() < 4


def test_every_molecule_is_asked_at_its_own_atoms(charts, batch, dtype):
    layout = charts(batch(*MOLECULES, dtype=dtype))[0]
    for row, atoms in zip(layout.points, torch.arange(sum(SIZES)).split(SIZES), strict=True):
        assert torch.equal(row[: len(atoms)], atoms)
        assert (row[len(atoms) :] == sum(SIZES)).all()


def test_neighbours_in_the_batch_do_not_matter(charts, batch, dtype):
    """Padding to the largest molecule changes neither the pooled features nor the values."""
    inputs = batch(*MOLECULES, dtype=dtype)
    features = torch.randn(sum(SIZES), 9, 6, dtype=dtype)
    pooled = charts.pool(features, charts(inputs)[0])
    for k, own in enumerate(features.split(SIZES)):
        alone = charts.pool(own, charts(batch(MOLECULES[k], dtype=dtype))[0])
        torch.testing.assert_close(pooled[k], alone[0], rtol=0, atol=TOLERANCE[dtype])


def test_pooled_features_are_equivariant(charts, batch, dtype, orthogonal):
    matrix, wigner = (m.to(dtype) for m in orthogonal)
    inputs = batch(*MOLECULES, dtype=dtype)
    features = torch.randn(sum(SIZES), 9, 6, dtype=dtype)
    expected = wigner @ charts.pool(features, charts(inputs)[0])
    turned = {**inputs, properties.R: inputs[properties.R] @ matrix.T}
    actual = charts.pool(wigner @ features, charts(turned)[0])
    torch.testing.assert_close(actual, expected, rtol=0, atol=TOLERANCE[dtype])


def test_multipoles_see_where_the_atoms_are(charts, batch, dtype):
    """With scalars only, directions come from the positions alone; a lone atom has none."""
    inputs = batch(*MOLECULES, dtype=dtype)
    features = torch.randn(sum(SIZES), 9, 6, dtype=dtype)
    features[:, 1:] = 0
    pooled = charts.pool(features, charts(inputs)[0])
    assert pooled[2, 1:].abs().max() > 0.1
    assert not pooled[1, 1:].any()


def test_radial_functions_of_distance_and_density(charts, batch, dtype):
    layout = charts(batch(*MOLECULES, dtype=dtype))[0]
    basis = torch.randn(sum(SIZES) + 1, 5, dtype=dtype)
    density = torch.randn(sum(SIZES), 8, dtype=dtype)
    actual = charts.radial(basis, density, layout)[layout.points < sum(SIZES)]
    expected = charts.radial_functions(basis[:-1]) + charts.density_functions(density)
    torch.testing.assert_close(actual, expected)


def test_periodic_structures_have_no_centroid(batch, build):
    representation = build(charts="molecule")
    with pytest.raises(ValueError, match='periodic structure; use charts="atom"') as error:
        representation(batch("water box"))
    assert "\n" not in str(error.value)
