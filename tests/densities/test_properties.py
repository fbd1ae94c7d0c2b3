"""Moments, charges and potentials of densities against PySCF's own."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from ase.units import Bohr

from schnetpack_molfield import MolecularField
from schnetpack_molfield.fields import PromoleculeDensity, QuantumCalculation

pytest.importorskip("pyscf")


def tilted_water() -> Atoms:
    atoms = molecule("H2O")
    atoms.rotate(50, (1, 2, 3))
    atoms.translate((0.3, -0.2, 1.0))
    return atoms


@pytest.fixture(scope="module")
def water() -> QuantumCalculation:
    return QuantumCalculation.run(tilted_water(), basis="6-31g*")


@pytest.fixture(scope="module")
def hydroxide() -> QuantumCalculation:
    return QuantumCalculation.run(Atoms("OH", [[0, 0, 0], [0.3, 0, 0.9]]), charge=-1)


def with_dtype(field: MolecularField, dtype: torch.dtype) -> MolecularField:
    """The same field, asked in another precision."""
    return MolecularField(
        lambda points: field.evaluate(points.double()).to(dtype),
        field.atoms,
        field.channels,
        field.units,
        dtype,
    )


def around(atoms: Atoms, n: int = 60) -> np.ndarray:
    rng = np.random.default_rng(1)
    return atoms.positions[rng.integers(len(atoms), size=n)] + rng.normal(size=(n, 3)) * 1.3


def test_dipole_is_pyscfs(water, dtype):
    density = with_dtype(water.density(), dtype)
    expected = torch.tensor(water.mean_field.dip_moment(unit="Debye", verbose=0))
    torch.testing.assert_close(density.dipole(), expected, rtol=0, atol=1e-3)
    in_au = torch.tensor(water.mean_field.dip_moment(unit="AU", verbose=0))
    torch.testing.assert_close(density.dipole(units="e*bohr"), in_au, rtol=0, atol=1e-3)
    torch.testing.assert_close(density.dipole(units="e*Ang"), in_au * Bohr, rtol=0, atol=1e-3)


def second_moments(calculation: QuantumCalculation, origin: np.ndarray) -> torch.Tensor:
    """Traceless quadrupole moment of a calculation by analytic integrals, in e bohr^2."""
    mol = calculation.mol
    with mol.with_common_orig(origin / Bohr):
        integrals = mol.intor("int1e_rr").reshape(3, 3, mol.nao, mol.nao)
    arms = mol.atom_coords() - origin / Bohr
    nuclei = np.einsum("a,ax,ay->xy", mol.atom_charges(), arms, arms)
    moments = nuclei - np.einsum("xyij,ij->xy", integrals, calculation.mean_field.make_rdm1())
    return torch.tensor(1.5 * moments - 0.5 * np.trace(moments) * np.eye(3))


def test_quadrupole_is_that_of_the_integrals(water):
    for origin in (np.zeros(3), np.array([1.0, -2.0, 0.5])):
        expected = second_moments(water, origin)
        found = water.density().quadrupole(units="e*bohr^2", origin=origin)
        torch.testing.assert_close(found, expected, rtol=0, atol=2e-3)
        assert abs(float(found.trace())) < 1e-10


def test_potential_is_pyscfs(water, dtype):
    density, points = with_dtype(water.density(), dtype), around(water.atoms)
    potential = density.potential(points)
    assert potential.shape == (60,) and potential.dtype == dtype
    expected = water.potential()(points).squeeze(1)
    torch.testing.assert_close(potential.double(), expected, rtol=1e-4, atol=5e-3)


def test_an_ions_potential_falls_with_its_charge(hydroxide):
    """Far away it is that of the charge and the dipole moment, and near by PySCF's."""
    density = hydroxide.density()
    assert density.atoms.info["charge"] == -1
    far = torch.tensor([[300.0, 0, 0], [0, -300.0, 0]])
    torch.testing.assert_close(
        density.potential(far), hydroxide.potential()(far).squeeze(1), rtol=1e-4, atol=0
    )
    points = around(hydroxide.atoms)
    expected = hydroxide.potential()(points).squeeze(1)
    torch.testing.assert_close(density.potential(points), expected, rtol=1e-4, atol=5e-3)
    assert float(density.charges().sum()) == pytest.approx(-1, abs=1e-3)
    origin = [0.3, 0.0, 0.9]
    expected = hydroxide.mean_field.dip_moment(unit="Debye", verbose=0)
    expected = torch.tensor(expected) + 4.80320 * torch.tensor(origin)
    torch.testing.assert_close(density.dipole(origin=origin), expected, rtol=0, atol=1e-3)


def test_electric_field_is_minus_the_gradient(water):
    density, points = water.density(), around(water.atoms, 20)
    field = density.derived("electric_field")
    assert field.channels == ["electric_field_x", "electric_field_y", "electric_field_z"]
    gradient = density.derived("esp").gradient(points)[:, 0]
    torch.testing.assert_close(field(points), -gradient)
    expected = -water.potential().gradient(points)[:, 0]
    torch.testing.assert_close(field(points), expected, rtol=1e-3, atol=3e-2)
    alone = density.quantity("electric_field_y")
    torch.testing.assert_close(alone(points)[:, 0], field(points)[:, 1])


def test_charges_of_water(water):
    for scheme, oxygen in (("hirshfeld", (-0.40, -0.25)), ("mbis", (-1.0, -0.7))):
        charges = water.density().charges(scheme)
        assert float(charges.sum()) == pytest.approx(0, abs=1e-3)
        assert oxygen[0] < float(charges[0]) < oxygen[1]
        torch.testing.assert_close(charges[1], charges[2], rtol=0, atol=1e-3)


def test_hirshfeld_charges_of_free_atoms_and_of_a_shifted_electron():
    """Neutral atoms have none; moving a part of a density moves exactly that charge."""
    atoms = Atoms("HeNe", [[0, 0, 0], [0, 0, 12.0]])
    free = PromoleculeDensity().of(atoms, dtype=torch.float64)
    torch.testing.assert_close(free.charges().abs(), torch.zeros(2).double(), rtol=0, atol=1e-10)
    helium = PromoleculeDensity().of(atoms[:1], dtype=torch.float64)
    moved = PromoleculeDensity().of(Atoms("He", [[0, 0, 12.0]]), dtype=torch.float64)

    def evaluate(points: torch.Tensor) -> torch.Tensor:
        return free.evaluate(points) + 0.1 * (moved.evaluate(points) - helium.evaluate(points))

    density = MolecularField(evaluate, atoms, ["rho"], "e/Ang^3", torch.float64)
    expected = torch.tensor([0.2, -0.2], dtype=torch.float64)
    torch.testing.assert_close(density.charges(), expected, rtol=0, atol=1e-4)
    assert float(density.dipole(units="e*Ang")[2]) == pytest.approx(-2.4, abs=1e-3)


def test_units_of_the_density_dont_matter(water):
    density = water.density()
    converted = density.in_units("e/bohr^3")
    torch.testing.assert_close(converted.dipole(), density.dipole(), rtol=0, atol=1e-8)


def test_what_is_worked_out_once_is_kept(water):
    density = water.density()
    assert density.derived("esp") is density.derived("esp")
    assert density.difference() is density.difference()


def test_no_density_is_refused(water):
    with pytest.raises(ValueError, match="channel electrostatic_potential is in V: expected an"):
        water.potential().dipole()
    free = PromoleculeDensity().of(water.atoms, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"holds .* electrons, expected 10 .*a difference"):
        (water.density() - free).dipole()
    half = PromoleculeDensity(electrons="valence").of(water.atoms)
    with pytest.raises(ValueError, match="holds 8 electrons, expected 10"):
        half.potential([[0, 0, 0]])
    ion = free.atoms.copy()
    ion.info["charge"] = 10
    with pytest.raises(ValueError, match="expected 0 by atoms.info"):
        PromoleculeDensity().of(ion).charges()
    with pytest.raises(ValueError, match="unknown scheme 'hirsfeld'; did you mean 'hirshfeld'"):
        water.density().charges("hirsfeld")
    with pytest.raises(ValueError, match="unknown unit 'debye'; did you mean 'Debye'"):
        water.density().dipole(units="debye")
    with pytest.raises(ValueError, match="origin must be a point of three numbers"):
        water.density().dipole(origin=[0, 0])
    with pytest.raises(ValueError, match="no atomic density is tabulated for Au"):
        MolecularField(free.evaluate, Atoms("Au"), ["rho"], "e/Ang^3").dipole()


def test_a_density_that_lacks_electrons_is_scaled_with_a_word(water):
    free = PromoleculeDensity().of(water.atoms, dtype=torch.float64)
    less = MolecularField(
        lambda points: 0.96 * free.evaluate(points), water.atoms, ["rho"], "e/Ang^3", torch.float64
    )
    with pytest.warns(UserWarning, match=r"holds 9.6 electrons, expected 10 .*; it is scaled"):
        dipole = less.dipole()
    torch.testing.assert_close(dipole, torch.zeros(3).double(), rtol=0, atol=1e-8)
