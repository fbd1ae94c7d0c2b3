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


def test_what_is_no_converged_calculation_of_a_molecule_is_refused_by_name():
    from pyscf import gto, mp, scf
    from pyscf.pbc import gto as periodic_gto, scf as periodic_scf

    hydrogen = gto.M(atom="H 0 0 0; H 0 0 0.74", basis="sto-3g", verbose=0)
    for kind in (scf.GHF, scf.DHF):
        with pytest.raises(TypeError, match=f"RKS, ROKS and UKS of molecules, got {kind.__name__}"):
            QuantumCalculation(kind(hydrogen).run())
    with pytest.raises(TypeError, match="got .*MP2.*the mean field of a correlated method"):
        QuantumCalculation(mp.MP2(scf.RHF(hydrogen).run()).run())
    cell = periodic_gto.M(atom="He 0 0 0", a=4 * np.eye(3), basis="sto-3g", verbose=0)
    with pytest.raises(TypeError, match="of molecules, got RHF"):
        QuantumCalculation(periodic_scf.RHF(cell).run())
    water = gto.M(atom="O 0 0 0; H 0 0.76 0.6; H 0 -0.76 0.6", basis="6-31g", verbose=0)
    with pytest.raises(ValueError, match=r"calculation \(UHF\) has not converged; raise its"):
        QuantumCalculation(scf.UHF(water).run(max_cycle=1))


def test_ghost_atoms_are_no_atoms():
    from pyscf import gto, scf

    text = "GHOST-O 0 0 3; O 0 0 0; H1 0 0.76 0.6; H2 0 -0.76 0.6; X-H 0 3 0"
    mol = gto.M(atom=text, basis="6-31g", verbose=0)
    calculation = QuantumCalculation(scf.RHF(mol).run())
    assert str(calculation.atoms.symbols) == "OH2"
    assert calculation.density().integral() == pytest.approx(10, abs=1e-3)
    potential = calculation.potential()([[0, 0, 3.0], [0, 3.0, 0]])
    assert torch.isfinite(potential).all() and (potential.abs() < 5).all()


def test_a_pseudopotential_is_told():
    from pyscf import gto, scf

    mol = gto.M(atom="Br 0 0 0; H 0 0 1.4", basis="def2-svp", ecp={"Br": "lanl2dz"}, verbose=0)
    calculation = QuantumCalculation(scf.RHF(mol).run())
    with pytest.warns(UserWarning, match="lacks 28 electrons of pseudopotentials"):
        assert calculation.density().integral() == pytest.approx(8, abs=1e-2)


def test_smeared_occupations_and_charges_of_structures():
    from pyscf import scf

    hydroxide = molecule("OH", info={"charge": -1})
    calculation = QuantumCalculation.run(hydroxide, basis="sto-3g")
    assert calculation.density().integral() == pytest.approx(10, abs=1e-3)
    smeared = scf.addons.smearing_(scf.RHF(calculation.mol), sigma=0.02).run()
    points = np.random.default_rng(0).normal(size=(5, 3))
    plain = QuantumCalculation(scf.RHF(calculation.mol).run()).orbitals(["HOMO-2"])
    homo = QuantumCalculation(smeared).orbitals(["HOMO-2"])
    np.testing.assert_allclose(plain(points).abs(), homo(points).abs(), atol=1e-3)
