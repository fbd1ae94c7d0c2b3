"""Where charts start: at bumps that have no maxima of their own, in all members."""

import numpy as np
import pytest
from ase import Atoms

from schnetpack_molfield.fields import Grid, VectorFunction
from schnetpack_molfield.fit.chart_seeds import field_peaks, matched_peaks, principal_moves

#: Two carbons as near as in a bond, and others in the box.
CARBONS = np.array([[0, 0, 0], [1.5, 0.1, 0], [0.7, 2.6, 0.3], [-1.2, -1.8, 2.5], [3.1, 1.0, -2]])


def samples(positions, spacing=0.9):
    grid = Grid.around(CARBONS, spacing, 4.0)
    field = VectorFunction(["C"]).of(Atoms("C" * len(positions), positions))
    return grid, field(grid.points).numpy().reshape(*grid.shape, 1)


def distance_to_nearest(a, b):
    return np.linalg.norm(a[:, None] - b, axis=2).min(axis=1)


@pytest.mark.parametrize("spacing", [0.6, 0.9])
def test_every_bump_is_found_once(spacing):
    grid, values = samples(CARBONS, spacing)
    found = grid.to_lab(field_peaks(values[..., 0]))
    assert len(found) == len(CARBONS)
    assert distance_to_nearest(CARBONS, found).max() < 0.4 * spacing


def test_bonded_atoms_have_one_maximum_but_two_peaks():
    grid, values = samples(CARBONS[:2], 0.6)
    middle = CARBONS[:2].mean(axis=0)
    field = VectorFunction(["C"]).of(Atoms("CC", CARBONS[:2]))
    assert field([middle]) > field(CARBONS[:1])  # no maximum at the atoms
    assert len(field_peaks(values[..., 0])) == 2


def test_peaks_are_matched_between_members():
    moved = CARBONS + np.random.default_rng(0).normal(scale=0.15, size=CARBONS.shape)
    grid, first = samples(CARBONS)
    second = samples(moved[::-1])[1]  # in another order
    origins = matched_peaks(grid, np.stack([first, second]))
    assert origins.shape == (2, len(CARBONS), 3)
    nearest = np.linalg.norm(origins[0][:, None] - CARBONS, axis=2).argmin(axis=1)
    assert sorted(nearest) == list(range(len(CARBONS)))
    assert np.linalg.norm(origins[1] - moved[nearest], axis=1).max() < 0.4


def test_a_peak_that_a_member_lacks_stays():
    grid, five = samples(CARBONS)
    four = samples(CARBONS[:4])[1]
    origins = matched_peaks(grid, np.stack([four, five]))
    assert origins.shape == (2, 5, 3)
    lost = distance_to_nearest(origins[1], CARBONS[4:]).argmin()
    np.testing.assert_array_equal(origins[0, lost], origins[1, lost])


def test_channels_without_samples_have_no_charts():
    grid, values = samples(CARBONS)
    both = np.concatenate([values, 0 * values], axis=-1)
    assert matched_peaks(grid, both[None]).shape == (1, len(CARBONS), 3)
    with pytest.raises(ValueError, match="zero everywhere"):
        matched_peaks(grid, 0 * values[None])


def test_principal_moves_give_the_origins_back():
    origins = np.random.default_rng(0).normal(size=(4, 6, 3))
    mean, moves, latents = principal_moves(origins, 5)
    assert moves.shape == (5, 6, 3) and latents.shape == (4, 5)
    np.testing.assert_allclose(mean + np.einsum("ml,lcx->mcx", latents, moves), origins)
    np.testing.assert_allclose((latents**2).mean(axis=0)[:3], 1.0)
    assert not moves[4].any() and not latents[:, 4].any()


def test_one_member_does_not_move():
    origins = np.random.default_rng(0).normal(size=(1, 6, 3))
    mean, moves, _ = principal_moves(origins, 1)
    np.testing.assert_array_equal(mean, origins[0])
    assert not moves.any()
