"""Regular grids."""

import numpy as np
import pytest
from ase.units import Bohr

from schnetpack_molfield.fields import Grid


def test_around_contains_the_margin_and_is_centred():
    positions = np.array([[0.0, 0, 0], [1.0, 2.0, 0.33]])
    grid = Grid.around(positions, spacing=0.2, margin=1.0)
    points = grid.points
    lower, upper = points.min(axis=0), points.max(axis=0)
    assert (lower <= -1.0 + 1e-9).all() and (upper >= positions.max(axis=0) + 1.0 - 1e-9).all()
    np.testing.assert_allclose(lower + upper, positions.min(axis=0) + positions.max(axis=0))
    assert grid.shape == (16, 21, 13)
    assert grid.n_points == len(points) == np.prod(grid.shape)


def test_points_run_fastest_along_the_last_axis():
    grid = Grid(np.array([1.0, 0, 0]), np.diag([1.0, 2.0, 3.0]), (2, 2, 2))
    np.testing.assert_allclose(grid.points[:3], [[1, 0, 0], [1, 0, 3], [1, 2, 0]])
    np.testing.assert_allclose(grid.to_lab(np.array([[0.5, 1, 1]])), [[1.5, 2, 3]])


def test_midpoints_fill_the_box():
    grid = Grid.midpoints([0, 0, 0], [1.0, 2.0, 0.5], spacing=0.3)
    assert grid.shape == (4, 7, 2)
    assert grid.cell_volume * grid.n_points == pytest.approx(1.0)
    np.testing.assert_allclose(grid.points.mean(axis=0), [0.5, 1.0, 0.25])


def test_grid_of_a_cube_file_has_six_decimals_in_bohr():
    grid = Grid.around(np.zeros((1, 3)), 0.2, 1.0).as_written_in_cube()
    for numbers in (grid.origin, grid.steps):
        np.testing.assert_allclose(np.round(numbers / Bohr, 6), numbers / Bohr, atol=1e-12)
    assert grid.steps[0, 0] == pytest.approx(0.2, abs=3e-7)


@pytest.mark.parametrize("spacing", [0, -0.1, np.nan, np.inf])
def test_spacing_must_be_positive(spacing):
    with pytest.raises(ValueError, match="spacing must be a positive number"):
        Grid.around(np.zeros((1, 3)), spacing, 1.0)


@pytest.mark.parametrize(
    ("spacing", "margin"), [(1e-307, 1e3), (0.2, np.nan), (0.2, np.inf), (0.2, -3.0)]
)
def test_grids_that_cannot_be(spacing, margin):
    with pytest.raises(ValueError, match="no grid has margin"):
        Grid.around(np.array([[0.0, 0, 0], [1.0, 2.0, 3.0]]), spacing, margin)


def test_the_number_of_points_does_not_overflow():
    assert Grid.around(np.zeros((1, 3)), 1e-8, 4.0).n_points == 800000001**3


def test_box_must_have_two_corners_in_order():
    with pytest.raises(ValueError, match="lower < upper"):
        Grid.midpoints([0, 0, 0], [1.0, -1.0, 1.0], 0.1)
