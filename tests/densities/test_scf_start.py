"""Starts for PySCF from densities."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from typer.testing import CliRunner

from schnetpack_molfield.cli import app
from schnetpack_molfield.densities.scf_runs import compare_starts
from schnetpack_molfield.fields import PromoleculeDensity, QuantumCalculation

pytest.importorskip("pyscf")


@pytest.fixture(scope="module")
def water() -> QuantumCalculation:
    return QuantumCalculation.run(molecule("H2O"), xc="pbe", basis="6-31g")


def test_orbitals_in_the_potential_of_the_density_are_near_the_end(water):
    """The exact density starts nearer to the energy than PySCF's own start does."""
    mean_field = water.mean_field
    matrix = water.density().to_pyscf_guess(water.mol)
    overlap = mean_field.get_ovlp()
    assert np.trace(matrix @ overlap) == pytest.approx(10, abs=1e-8)
    np.testing.assert_allclose(matrix @ overlap @ matrix, 2 * matrix, atol=1e-8)
    error = mean_field.energy_tot(matrix) - mean_field.e_tot
    usual = mean_field.energy_tot(mean_field.get_init_guess(key="minao")) - mean_field.e_tot
    assert 0 <= error < 0.05 * usual


def test_another_basis_and_unpaired_electrons(water):
    larger = water.density().to_pyscf_guess(water.mol, basis="6-31g*")
    assert larger.shape == (18, 18)
    oxygen = QuantumCalculation.run(Atoms("O2", [[0, 0, 0], [0, 0, 1.2]]), basis="sto-3g", spin=2)
    both = oxygen.density().to_pyscf_guess(oxygen.mol)
    overlap = oxygen.mol.intor("int1e_ovlp")
    electrons = [np.trace(matrix @ overlap) for matrix in both]
    np.testing.assert_allclose(electrons, [9, 7], atol=1e-8)


def test_all_starts_end_at_one_energy():
    runs = compare_starts(
        PromoleculeDensity().of, molecule("HF"), "pbe", "6-31g", starts=["minao", "1e"]
    )
    assert [run.start for run in runs] == ["model", "minao", "1e"]
    assert all(run.converged and run.seconds > 0 for run in runs)
    assert runs[0].cycles < runs[2].cycles
    energies = [run.energy for run in runs]
    np.testing.assert_allclose(energies, energies[0], rtol=0, atol=1e-8)


def test_another_molecule_is_refused(water):
    density = water.density()
    gto = pytest.importorskip("pyscf.gto")
    other = gto.M(atom="N 0 0 0; H 0 0 1; H 0 1 0; H 1 0 0", verbose=0)
    with pytest.raises(ValueError, match="expected the same in the same order"):
        density.to_pyscf_guess(other)
    moved = water.mol.copy()
    moved.set_geom_(moved.atom_coords() + [[0, 0, 0.1]] * 3, unit="Bohr")
    with pytest.raises(ValueError, match="differ by up to 0.0529 Angstrom"):
        density.to_pyscf_guess(moved)
    with pytest.raises(ValueError, match="unknown start 'sap'"):
        compare_starts(PromoleculeDensity().of, molecule("HF"), starts=["sap"])


def test_command():
    fast = ["--xc", "lda,vwn", "--basis", "sto-3g", "--starts", "minao"]
    result = CliRunner().invoke(app, ["scf", "missing.xyz", *fast])
    assert "missing.xyz isn't a file" in str(result.exception)
    pytest.importorskip("rdkit")
    result = CliRunner().invoke(app, ["scf", "C", *fast])
    assert result.exit_code == 0, result.output
    rows = [line for line in result.output.splitlines() if "-39." in line]
    assert [row.split()[1] for row in rows] == ["model", "minao"]
