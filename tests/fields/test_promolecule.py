"""Atomic densities: electrons, positivity, and a real calculation of an atom."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from ase.units import Bohr

from schnetpack_molfield.fields import (
    Grid,
    PromoleculeDensity,
    QuantumCalculation,
    atom_centered_quadrature,
)


@pytest.mark.parametrize("symbol", ["H", "He", "C", "F", "Cl", "Fe", "Kr"])
def test_atom_holds_its_electrons(symbol, dtype):
    atom = Atoms(symbol)
    electrons = PromoleculeDensity().of(atom, dtype=dtype).integral()
    assert electrons == pytest.approx(atom.numbers[0], rel=1e-5)


def test_density_is_positive_and_falls_from_every_nucleus(dtype):
    radii = torch.linspace(0, 4, 500, dtype=dtype)  # float32 underflows further out
    points = torch.stack([radii, 0 * radii, 0 * radii], dim=1)
    for number in range(1, 37):
        density = PromoleculeDensity().of(Atoms([number]), dtype=dtype)(points)[:, 0]
        assert (density > 0).all()
        assert (density.diff() <= 1e-6 * density[:-1]).all()


def test_units_differ_by_the_volume_of_a_cubic_bohr():
    atoms, points = molecule("H2O"), [[0.1, 0.2, 0.3]]
    per_angstrom = PromoleculeDensity("e/Ang^3").of(atoms)(points)
    per_bohr = PromoleculeDensity("e/bohr^3").of(atoms)(points)
    torch.testing.assert_close(per_bohr, per_angstrom * Bohr**3)
    with pytest.raises(ValueError, match="unknown density unit 'e/A'; did you mean"):
        PromoleculeDensity("e/A")


def test_core_and_valence_electrons_add_up(dtype):
    """The core is the noble gas before the element, and it is near the nucleus."""
    for symbol, n_core in [("H", 0), ("He", 0), ("C", 2), ("F", 2), ("Ne", 2), ("Cl", 10)]:
        core, valence, both = (
            PromoleculeDensity(electrons=electrons).of(Atoms(symbol), dtype=dtype)
            for electrons in ("core", "valence", "all")
        )
        assert core.integral() == pytest.approx(n_core, abs=1e-4)
        points = torch.tensor([[0.0, 0, 0], [0.2, 0, 0], [1.0, 0, 0], [3.0, 0, 0]], dtype=dtype)
        torch.testing.assert_close(core(points) + valence(points), both(points))
        assert (core(points) >= 0).all() and (valence(points) > 0).all()
        assert (core(points)[2:] < 0.1 * both(points)[2:]).all()
    with pytest.raises(ValueError, match="unknown kind of electrons 'cor'; did you mean 'core'"):
        PromoleculeDensity(electrons="cor")


def test_hydrogen_without_a_core_has_derivatives():
    field = PromoleculeDensity(electrons="core").of(molecule("H2"))
    points = [[0.1, 0.2, 0.3]]
    assert field(points).tolist() == [[0.0]]
    assert field.gradient(points).abs().max() == 0 == field.laplacian(points).abs().max()


def test_elements_beyond_the_table_are_named():
    with pytest.raises(ValueError, match="no atomic density is tabulated for I; .* Kr"):
        PromoleculeDensity().of(Atoms("I"))([[0, 0, 0.0]])


def test_nearer_to_the_molecule_than_13_percent():
    """The published baseline; an independent calculation of the density, not of the atoms."""
    pytest.importorskip("pyscf")
    atoms = molecule("H2O")
    real = QuantumCalculation.run(atoms).density()
    promolecule = PromoleculeDensity().of(atoms, dtype=torch.float64)
    points, weights = atom_centered_quadrature(
        torch.as_tensor(atoms.numbers), torch.as_tensor(atoms.positions)
    )
    error = ((real(points) - promolecule(points)).abs()[:, 0] * weights).sum() / 10
    assert 0.05 < error < 0.13


def test_atomic_density_is_the_calculated_one():
    """Neon is a closed shell, so that a plain calculation is spherical."""
    pytest.importorskip("pyscf")
    real = QuantumCalculation.run(Atoms("Ne")).density()
    fit = PromoleculeDensity().of(Atoms("Ne"), dtype=torch.float64)
    points, weights = atom_centered_quadrature(
        torch.tensor([10]), torch.zeros(1, 3, dtype=torch.float64)
    )
    assert ((real(points) - fit(points)).abs()[:, 0] * weights).sum() / 10 < 2e-3


def test_sum_over_a_grid_is_not_the_number_of_electrons():
    """Why integrals over all space use a quadrature: nuclear cusps need one."""
    atoms = molecule("H2O")
    field = PromoleculeDensity().of(atoms, dtype=torch.float64)
    assert field.integral() == pytest.approx(10, abs=1e-4)
    assert abs(field.integral(spacing=0.25) - 10) > 1e-2
    grid = Grid.around(atoms.positions, 0.25, 4.0)
    assert grid.cell_volume == pytest.approx(np.prod([0.25] * 3))
