"""Layouts of pairs against a plain sum over pairs, in any order and number."""

import pytest
import torch
from schnetpack import properties
from schnetpack.nn import CosineCutoff

from schnetpack_molfield.representation.atlas import (
    AtomAtlas,
    find_places,
    gather_field,
    lay_out,
    with_window,
)

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}
N_ATOMS = 6

PAIRS = {
    "unsorted": torch.tensor([[5, 0, 3, 0, 5, 2, 0], [1, 3, 0, 0, 3, 1, 1]]),
    "sorted": torch.tensor([[0, 0, 1, 4], [0, 1, 2, 3]]),
    "some charts and receivers alone": torch.tensor([[3, 3, 3], [2, 2, 2]]),
    "one pair": torch.tensor([[5], [3]]),
    "none": torch.zeros(2, 0, dtype=torch.long),
}


def padded(x):
    """With a last row for the padding pair, which has values of its own but no window."""
    return torch.cat([x, torch.ones_like(x[:1]) if len(x) else x.new_ones(1, *x.shape[1:])])


@pytest.mark.parametrize("pairs", PAIRS.values(), ids=PAIRS)
def test_gathered_field_is_the_sum_over_pairs(pairs, dtype):
    chart, receiver = pairs
    harmonics = torch.randn(len(chart), 9, dtype=dtype)
    window = torch.rand(len(chart), dtype=dtype)
    values = torch.randn(len(chart), 3, dtype=dtype)
    windows = torch.cat([window, window.new_zeros(1)])
    layout = lay_out(find_places(chart, receiver, N_ATOMS), padded(harmonics), windows)
    actual = gather_field(padded(values)[layout.points], layout)

    terms = window[:, None, None] * harmonics[:, :, None] * values[:, None, :]  # (n_pairs, 9, 3)
    expected = torch.zeros(N_ATOMS, 9, 3, dtype=dtype).index_add(0, receiver, terms)
    torch.testing.assert_close(actual, expected, rtol=0, atol=TOLERANCE[dtype])

    doubled = with_window(layout, padded(harmonics), 2 * windows)
    again = gather_field(padded(values)[doubled.points], doubled)
    torch.testing.assert_close(again, 2 * expected, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("pairs", PAIRS.values(), ids=PAIRS)
def test_rows_hold_the_pairs_of_their_chart(pairs):
    chart, receiver = pairs
    n_pairs = len(chart)
    harmonics = torch.randn(n_pairs + 1, 9)
    layout = lay_out(find_places(chart, receiver, N_ATOMS), harmonics, torch.ones(n_pairs + 1))
    for c, row in enumerate(layout.points):
        own = row[row < n_pairs]
        assert own.tolist() == torch.where(chart == c)[0].tolist()
        assert (row[len(own) :] == n_pairs).all()
    torch.testing.assert_close(layout.harmonics, harmonics[layout.points])


def test_atom_charts_are_asked_at_their_neighbours(batch, dtype):
    """The window is SchNetPack's cutoff function; the padding pair lies beyond it."""
    inputs = batch("H2O", "CO2", dtype=dtype)
    atlas = AtomAtlas(CosineCutoff(4.0)).to(dtype)
    layout, distances, harmonics = atlas(inputs)
    n_pairs = len(inputs[properties.idx_i])
    r = inputs[properties.Rij].norm(dim=1)
    torch.testing.assert_close(distances[:-1], torch.sqrt(r**2 + 0.01))
    assert distances[-1] > 4.0
    for chart, row in enumerate(layout.points):
        assert (inputs[properties.idx_j][row[row < n_pairs]] == chart).all()
    window = atlas.cutoff_fn(distances[:-1])
    expected = torch.zeros(6, dtype=dtype).index_add(0, inputs[properties.idx_i], window)
    torch.testing.assert_close(layout.receivers[:, 0].sum(1), expected)
    torch.testing.assert_close(layout.harmonics, harmonics[layout.points])
    offsets = -inputs[properties.Rij] / distances[:-1, None]  # from the chart to its neighbour
    torch.testing.assert_close(harmonics[:-1, 1:4], 3**0.5 * offsets)  # e3nn's x, y, z


@pytest.mark.parametrize("charts", ["atom", "molecule"])
def test_pairs_beyond_the_cutoff_change_nothing(batch, build, dtype, charts):
    representation = build(dtype, charts=charts)
    short = batch("ethanol", "H", "C6H6", dtype=dtype, cutoff=4.0)
    long = batch("ethanol", "H", "C6H6", dtype=dtype, cutoff=5.0)
    assert len(long[properties.idx_i]) > len(short[properties.idx_i])
    expected, actual = representation(short), representation(long)
    for key in ("scalar_representation", "vector_representation", "field_features"):
        torch.testing.assert_close(actual[key], expected[key], rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("charts", ["atom", "molecule"])
def test_atoms_without_neighbours(batch, build, dtype, charts):
    """In a batch or alone, with an empty list of pairs."""
    representation = build(dtype, charts=charts)
    alone = representation(batch("H", dtype=dtype))
    together = representation(batch("CH4", "H", "CO2", dtype=dtype))
    assert alone["scalar_representation"].isfinite().all()
    assert alone["vector_representation"].abs().max() < 1e-2 * TOLERANCE[dtype]
    torch.testing.assert_close(
        alone["scalar_representation"][0],
        together["scalar_representation"][5],
        rtol=0,
        atol=TOLERANCE[dtype],
    )
