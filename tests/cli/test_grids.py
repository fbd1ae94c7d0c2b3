import numpy as np
import pytest

from schnetpack_molfield.cli.grids import confirm_grid, confirm_slice
from schnetpack_molfield.fields import Grid


def test_a_very_large_grid_is_refused_where_nobody_can_answer():
    fine = Grid.around(np.zeros((1, 3)), 0.005, 4.0)
    assert fine.n_points > 10**9
    with pytest.raises(ValueError, match=r"1601 x 1601 x 1601 points .* larger --spacing"):
        confirm_grid(fine)
    confirm_grid(Grid.around(np.zeros((1, 3)), 0.2, 4.0))


def test_a_very_large_grid_is_asked_about(monkeypatch):
    asked = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda text, abort: asked.append(text))
    confirm_grid(Grid.around(np.zeros((1, 3)), 0.02, 4.0), n_fields=11)
    assert "401 x 401 x 401" in asked[0]


def test_a_very_large_slice_is_refused_too():
    positions = np.array([[0.0, 0, 0], [1.0, 0, 0]])
    with pytest.raises(ValueError, match=r"7001 x 7001 points|70001 x 70001 points .*--size"):
        confirm_slice(positions, None, 1e-4)
    with pytest.raises(ValueError, match=r"20001 x 20001 points"):
        confirm_slice(positions, 2.0, 1e-4)
    confirm_slice(positions, None, 0.05)
    with pytest.raises(ValueError, match=r"points .*--size"):
        confirm_slice(positions, None, 0.05, center=[1e4, 0.0, 0.0])
