"""Cube files: what is read is what was written."""

import numpy as np
import pytest
import torch
from ase.build import molecule
from ase.io.cube import read_cube as ase_read_cube

from schnetpack_molfield.fields import PromoleculeDensity
from schnetpack_molfield.interfaces.cube import read_cube


def test_round_trip_by_our_reader_and_ases(tmp_path, dtype):
    field = PromoleculeDensity().of(molecule("CH3CH2OH"), dtype=dtype)
    path = tmp_path / "rho.cube"
    grid = field.to_cube(path, channel="electron_density", spacing=0.3)
    expected = field(grid.points)[:, 0].view(grid.shape).numpy()
    with path.open() as file:
        theirs = ase_read_cube(file)
    np.testing.assert_allclose(theirs["origin"], grid.origin, rtol=0, atol=1e-6)
    np.testing.assert_allclose(theirs["spacing"], grid.steps, rtol=0, atol=1e-9)
    cell = grid.steps * np.array(grid.shape)[:, None]
    np.testing.assert_allclose(theirs["atoms"].cell, cell, rtol=0, atol=1e-6)
    np.testing.assert_allclose(theirs["atoms"].positions, field.atoms.positions, atol=1e-6)
    assert (theirs["atoms"].numbers == field.atoms.numbers).all()
    np.testing.assert_allclose(theirs["data"], expected, rtol=1e-5)
    atoms, read_grid, values = read_cube(path)
    np.testing.assert_allclose(read_grid.points, grid.points, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(values, theirs["data"])
    assert len(atoms) == len(field.atoms)


def test_values_belong_to_the_points_that_a_reader_gets(tmp_path):
    field = PromoleculeDensity().of(molecule("H2O"), dtype=torch.float64)
    field.to_cube(tmp_path / "rho.cube", spacing=0.2)
    _, grid, values = read_cube(tmp_path / "rho.cube")
    again = field(grid.points)[:, 0].view(grid.shape)
    np.testing.assert_allclose(values, again, rtol=1e-6)


def test_requested_spacing_and_margin(tmp_path):
    field = PromoleculeDensity().of(molecule("H2O"))
    grid = field.to_cube(tmp_path / "rho.cube", spacing=0.5, margin=2.0)
    np.testing.assert_allclose(np.diag(grid.steps), 0.5, atol=1e-6)
    positions = field.atoms.positions
    assert (grid.points.min(axis=0) <= positions.min(axis=0) - 2.0 + 1e-5).all()
    assert (grid.points.max(axis=0) >= positions.max(axis=0) + 2.0 - 1e-5).all()


def test_existing_file_is_kept_without_force(tmp_path):
    field = PromoleculeDensity().of(molecule("H2O"))
    path = tmp_path / "rho.cube"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=r"rho.cube exists; use force=True"):
        field.to_cube(path)
    assert path.read_text() == "mine"
    field.to_cube(path, spacing=1.0, force=True)
    assert read_cube(path)[2].size > 1


def test_bad_path_is_named_before_any_work(tmp_path):
    field = PromoleculeDensity().of(molecule("H2O"))
    with pytest.raises(ValueError, match=r"rho.txt must end in one of .cube, .cub"):
        field.to_cube(tmp_path / "rho.txt")
    with pytest.raises(FileNotFoundError, match="the folder of .*rho.cube does not exist"):
        field.to_cube(tmp_path / "nowhere" / "rho.cube")
    with pytest.raises(ValueError, match="unknown channel 'rho'"):
        field.to_cube(tmp_path / "rho.cube", channel="rho")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("keep", [0, 1, 4, 40])
def test_truncated_file_is_named(tmp_path, keep):
    path = tmp_path / "rho.cube"
    PromoleculeDensity().of(molecule("H2O")).to_cube(path, spacing=1.0)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:keep]))
    with pytest.raises(ValueError, match="rho.cube is not a complete cube file"):
        read_cube(path)
