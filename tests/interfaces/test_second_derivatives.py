"""Hessians: exact, symmetric, and good for vibrations."""

import numpy as np
import pytest
import schnetpack as spk
import torch
from ase import Atoms
from ase.build import molecule
from ase.optimize import BFGS
from ase.vibrations import Vibrations, VibrationsData

from schnetpack_molfield import MolField, MolFieldCalculator
from schnetpack_molfield.interfaces import second_derivatives
from schnetpack_molfield.testing.potential import perturb

CUTOFF = 4.0
#: PaiNN's norms sqrt(v^2 + 1e-8) bend within 1e-4 where symmetry makes v vanish: tiny steps.
STEP = 1e-6
REPRESENTATIONS = {"MolField": MolField, "PaiNN": spk.representation.PaiNN}


class Springs(spk.atomistic.Atomwise):
    """Adds to the energy a spring of 5 eV/Ang^2 and length 1.1 Ang between all near atoms."""

    def forward(self, inputs):
        inputs = super().forward(inputs)
        stretched = inputs["_Rij"].norm(dim=1) - 1.1  # (n_pairs,)
        near = (stretched.detach() < 0.5).to(stretched)
        energy = (2.5 / 2 * near * stretched**2).sum()  # each spring is in two pairs
        return inputs | {"energy": inputs["energy"] + energy}


def calculator(name: str, head: type = spk.atomistic.Atomwise, **options) -> MolFieldCalculator:
    torch.manual_seed(0)
    basis, cutoff_fn = spk.nn.GaussianRBF(8, CUTOFF), spk.nn.CosineCutoff(CUTOFF)
    model = spk.model.NeuralNetworkPotential(
        REPRESENTATIONS[name](8, 2, radial_basis=basis, cutoff_fn=cutoff_fn),
        [spk.atomistic.PairwiseDistances()],
        [head(8, output_key="energy")],
    )
    perturb(model, 1)
    for parameter in model.output_modules.parameters():
        parameter.data *= 10  # curvatures as in a molecule
    options = {"energy_unit": "kcal/mol", "dtype": "float64"} | options
    return MolFieldCalculator(model.double(), **options)


def differences(calc: MolFieldCalculator, atoms: Atoms) -> np.ndarray:
    """The Hessian by central differences of forces, (3 n_atoms, 3 n_atoms)."""
    rows = []
    for i in range(atoms.positions.size):
        forces = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions.flat[i] += sign * STEP
            forces.append(calc.get_forces(moved).ravel())
        rows.append((forces[1] - forces[0]) / (2 * STEP))
    return np.array(rows)


def structures() -> dict[str, Atoms]:
    crystal = Atoms("CO", [[0, 0, 0], [1.2, 0.2, 0.1]], cell=[3.1, 3.3, 3.6], pbc=True)
    return {"linear": molecule("CO2"), "bent": molecule("H2O"), "periodic": crystal}


@pytest.mark.parametrize("case", structures())
@pytest.mark.parametrize("name", REPRESENTATIONS)
def test_finite_differences(name: str, case: str) -> None:
    calc, atoms = calculator(name), structures()[case]
    hessian = calc.get_hessian(atoms)
    assert hessian.shape == (3 * len(atoms), 3 * len(atoms))
    assert np.array_equal(hessian, hessian.T)
    largest = abs(hessian).max()
    assert largest > 1e-3
    np.testing.assert_allclose(hessian, differences(calc, atoms), rtol=0, atol=2e-4 * largest)
    shifts = hessian.reshape(-1, len(atoms), 3).sum(axis=1)  # rigid shifts cost nothing
    np.testing.assert_allclose(shifts, 0, atol=1e-10)


def test_products_in_chunks_are_those_of_the_hessian(monkeypatch) -> None:
    calc, atoms = calculator("MolField"), molecule("CH3OH")
    hessian, vectors = calc.get_hessian(atoms), np.random.default_rng(0).normal(size=(5, 6, 3))
    monkeypatch.setattr(second_derivatives, "ROWS_AT_ONCE", 12)
    products = calc.hessian_products(vectors, atoms)
    expected = vectors.reshape(5, -1) @ hessian
    np.testing.assert_allclose(products.reshape(5, -1), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(calc.hessian_products(vectors[0]), products[0], rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match=r"shape \(3, 6\), expected \(6, 3\)"):
        calc.hessian_products(np.zeros((3, 6)), atoms)


def test_units_and_precision() -> None:
    atoms = molecule("H2O")
    in_kcal = calculator("MolField").get_hessian(atoms)
    in_ev = calculator("MolField", energy_unit="eV").get_hessian(atoms)
    np.testing.assert_allclose(in_kcal, in_ev * 0.0433641, rtol=1e-5)
    single = calculator("MolField", dtype="float32").get_hessian(atoms)
    np.testing.assert_allclose(single, in_kcal, rtol=0, atol=1e-5 * abs(in_kcal).max())


@pytest.mark.parametrize("name", REPRESENTATIONS)
@pytest.mark.parametrize("atoms", [Atoms("O"), Atoms("OC", [[0, 0, 0], [9, 0, 0]])], ids=len)
def test_atoms_without_neighbours(name: str, atoms: Atoms) -> None:
    assert np.array_equal(calculator(name).get_hessian(atoms), np.zeros([3 * len(atoms)] * 2))


@pytest.mark.parametrize("name", REPRESENTATIONS)
def test_vibrations_are_those_of_finite_differences(name: str, tmp_path) -> None:
    atoms = molecule("CO2")
    atoms.calc = calculator(name, Springs, energy_unit="eV")
    BFGS(atoms, logfile=None).run(fmax=1e-4, steps=200)
    data = VibrationsData.from_2d(atoms, atoms.calc.get_hessian(atoms))
    vibrations = Vibrations(atoms, name=str(tmp_path / "vib"), delta=STEP)
    vibrations.run()
    expected = vibrations.get_frequencies()
    np.testing.assert_allclose(data.get_frequencies()[-2:].real, expected[-2:].real, atol=0.5)
    # O-C-O stretches: sqrt(k / m_O) and sqrt(k (1 / m_O + 2 / m_C)), and what the network adds
    assert data.get_frequencies()[-1].real > 1.5 * data.get_frequencies()[-2].real > 300
