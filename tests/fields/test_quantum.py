"""Fields of a real calculation."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule

from schnetpack_molfield.fields import QuantumCalculation, atom_centered_quadrature

pytest.importorskip("pyscf")


@pytest.fixture(scope="module")
def water() -> QuantumCalculation:
    return QuantumCalculation.run(molecule("H2O"), basis="6-31g")


FIELDS = {
    "density": lambda c: c.density(),
    "orbitals": lambda c: c.orbitals(["HOMO", "LUMO+1", 0]),
    "potential": lambda c: c.potential(),
}


@pytest.mark.parametrize("name", FIELDS)
def test_gradient_is_that_of_finite_differences(water, name):
    field, points = FIELDS[name](water), torch.randn(20, 3, dtype=torch.float64)
    points = points[torch.cdist(points, torch.as_tensor(water.atoms.positions)).amin(1) > 0.3]
    shifts = 1e-4 * torch.eye(3, dtype=torch.float64)
    numerical = torch.stack([(field(points + s) - field(points - s)) / 2e-4 for s in shifts], -1)
    torch.testing.assert_close(field.gradient(points), numerical, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", FIELDS)
def test_laplacian_is_that_of_finite_differences(water, name):
    field, points, h = FIELDS[name](water), torch.rand(10, 3, dtype=torch.float64) + 0.5, 1e-3
    shifts = h * torch.eye(3, dtype=torch.float64)
    differences = [field(points + s) - 2 * field(points) + field(points - s) for s in shifts]
    numerical = sum(differences) / h**2
    torch.testing.assert_close(field.laplacian(points), numerical, rtol=1e-3, atol=1e-4)


def test_density_holds_the_electrons_and_is_pyscfs(water):
    from ase.units import Bohr
    from pyscf.dft import numint

    density = water.density()
    assert density.units == {"electron_density": "e/Ang^3"}
    assert density.integral() == pytest.approx(10, abs=1e-4)
    points = np.random.default_rng(0).normal(size=(10, 3))
    orbitals = numint.eval_ao(water.mol, points / Bohr)
    theirs = numint.eval_rho(water.mol, orbitals, water.mean_field.make_rdm1())
    np.testing.assert_allclose(density(points)[:, 0] * Bohr**3, theirs, atol=1e-12)


def test_orbitals_are_normalised_and_named(water):
    orbitals = water.orbitals(["HOMO", "LUMO", 0])
    assert orbitals.channels == ["HOMO", "LUMO", "0"]
    points, weights = atom_centered_quadrature(
        torch.as_tensor(water.atoms.numbers), torch.as_tensor(water.atoms.positions)
    )
    norms = (orbitals(points).square() * weights.unsqueeze(1)).sum(dim=0)
    torch.testing.assert_close(norms, torch.ones_like(norms), rtol=0, atol=1e-3)
    with pytest.raises(ValueError, match="unknown orbital 'SOMO'; use HOMO"):
        water.orbitals(["SOMO"])
    with pytest.raises(ValueError, match="there is no orbital LUMO.99"):
        water.orbitals(["LUMO+99"])


def test_potential_far_away_is_that_of_the_dipole_moment(water):
    """V = mu / r^2 along the dipole, times e^2 / (4 pi eps0) = Hartree bohr."""
    from ase.units import Bohr, Hartree

    dipole = water.mean_field.dip_moment(unit="AU", verbose=0) * Bohr  # e A
    direction = dipole / np.linalg.norm(dipole)
    expected = np.linalg.norm(dipole) / 40.0**2 * Hartree * Bohr
    ahead, behind = water.potential()([40.0 * direction, -40.0 * direction])[:, 0].tolist()
    assert (ahead - behind) / 2 == pytest.approx(expected, rel=0.01)


def test_potential_obeys_poissons_equation(water):
    """The Laplacian is the density times e / eps0, 180.95 V A, away from the nuclei."""
    from ase.units import Bohr, Hartree

    points = torch.rand(10, 3, dtype=torch.float64) + 0.3
    laplacian = water.potential().laplacian(points)
    expected = 4 * np.pi * Hartree * Bohr * water.density()(points)
    torch.testing.assert_close(laplacian, expected, rtol=1e-8, atol=1e-8)


def test_third_derivative_of_the_potential_is_refused(water):
    points = torch.ones(1, 3, dtype=torch.float64, requires_grad=True)
    laplacian = water.potential().laplacian(points)
    with pytest.raises(NotImplementedError, match="can be differentiated only twice"):
        laplacian.sum().backward()


def test_open_shell_and_charge():
    calculation = QuantumCalculation.run(Atoms("Li"), basis="6-31g", spin=1)
    assert calculation.density().integral() == pytest.approx(3, abs=1e-3)
    cation = QuantumCalculation.run(Atoms("Li"), basis="6-31g", charge=1)
    assert cation.density().integral() == pytest.approx(2, abs=1e-3)
    assert calculation.orbitals(["HOMO"])([[0, 0, 3.0]]).abs() > 1e-3


def test_calculation_that_was_not_run_is_refused():
    from pyscf import gto, scf

    with pytest.raises(ValueError, match="has not been run; call its kernel"):
        QuantumCalculation(scf.RHF(gto.M(atom="He", verbose=0)))


def test_missing_pyscf_is_one_clear_message(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyscf.gto", None)
    with pytest.raises(ImportError, match=r'pip install "schnetpack-molfield\[qm\]"'):
        QuantumCalculation.run(molecule("H2O"))
