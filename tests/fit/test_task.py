"""What is fitted: grids and samples."""

import numpy as np
import pytest
import torch
from ase.build import molecule

from schnetpack_molfield.fields import VectorFunction
from schnetpack_molfield.fit.field_fit import FitOptions
from schnetpack_molfield.fit.task import FitTask


def ethanols(n=2):
    rng = np.random.default_rng(0)
    frames = [molecule("CH3CH2OH") for _ in range(n)]
    for atoms in frames:
        atoms.positions += rng.normal(scale=0.2, size=(9, 3))
    return frames


def test_the_grid_has_its_points_along_the_longest_side():
    task = FitTask(ethanols(), ["C"], n_grid=20, margin=2.5)
    grid, positions = task.grid(), task.positions.reshape(-1, 3)
    upper = grid.origin + grid.steps.diagonal() * (np.array(grid.shape) - 1)
    assert max(grid.shape) == 20
    assert (grid.origin <= positions.min(axis=0) - 2.5 + 1e-9).all()
    assert (upper >= positions.max(axis=0) + 2.5 - 1e-9).all()
    finer = task.grid(4)
    np.testing.assert_array_equal((np.array(finer.shape) - 1) / 4 + 1, grid.shape)
    np.testing.assert_allclose(finer.to_lab(4 * np.array([[1, 2, 3]])), grid.to_lab([[1, 2, 3]]))


def test_samples_are_those_of_the_exact_functions():
    frames = ethanols()
    task = FitTask(frames, ["C", "H+O"], n_grid=10, beta=1.5, options=FitOptions(n_steps=20))
    fit, points = task.start(), task.grid().points
    function = VectorFunction({"C": "C", "H+O": ["H", "O"]}, beta=1.5)
    for atoms, values in zip(frames, fit.values, strict=True):
        torch.testing.assert_close(values * fit.scale, function.of(atoms)(points))
    assert task.data_range == pytest.approx(np.exp(1.5))


def test_errors_are_those_of_the_best_weights():
    task = FitTask(ethanols(1), ["C"], n_grid=12, options=FitOptions(n_steps=50))
    fit = task.start()
    list(fit.run())
    before = task.errors(fit)
    torch.nn.init.zeros_(fit.model.head.out.weight)
    assert task.errors(fit) == before
    assert before["training grid"] == pytest.approx(fit.best_psnr, abs=2.0)


def test_charts_start_at_the_atoms_of_every_member():
    frames = ethanols(3)
    fit = FitTask(frames, ["C", "H", "O"], 10, charts="atom").start()
    origins, _ = fit.model.atlas.charts(fit.model.latents)
    expected = torch.tensor(np.stack([atoms.positions for atoms in frames])).float()
    torch.testing.assert_close(origins, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frames": [molecule("H2O"), molecule("NH3")]}, "model 1 has other atoms than model 0"),
        ({"channels": ["S"]}, "channel 'S' has no atoms; there are H, O"),
        ({"charts": "atoms"}, "unknown charts 'atoms'; did you mean 'atom'"),
        ({"n_grid": 7}, "at least 8 points per side, got 7"),
    ],
)
def test_bad_tasks(options, message):
    with pytest.raises(ValueError, match=message):
        FitTask(**{"frames": [molecule("H2O")], "channels": ["O"], **options})
