"""Compiled potentials: the numbers of the model, within a budget, and a way back."""

import pickle
import shutil

import pytest
import schnetpack as spk
import torch
from ase import Atoms
from ase.build import molecule

from schnetpack_molfield import MolField, MolFieldCalculator
from schnetpack_molfield.interfaces.compiled import Budget

CUTOFF = 4.0
REPRESENTATIONS = {
    "MolField": MolField,
    "PaiNN": spk.representation.PaiNN,
    "SchNet": spk.representation.SchNet,
}
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-10}


def model(name: str, n_interactions: int = 2):
    torch.manual_seed(0)
    basis, cutoff_fn = spk.nn.GaussianRBF(8, CUTOFF), spk.nn.CosineCutoff(CUTOFF)
    offsets = spk.transform.AddOffsets("energy", add_mean=True)
    offsets.mean = torch.tensor([-46.71234567891], dtype=torch.float64)
    return spk.model.NeuralNetworkPotential(
        REPRESENTATIONS[name](8, n_interactions, radial_basis=basis, cutoff_fn=cutoff_fn),
        [spk.atomistic.PairwiseDistances()],
        [spk.atomistic.Atomwise(8, output_key="energy")],
        [spk.transform.CastTo64(), offsets],
    )


def pair(name: str, dtype: torch.dtype) -> tuple[MolFieldCalculator, MolFieldCalculator]:
    """Traced, but run without a compiler, which takes minutes; and as it is."""
    options = {"energy_unit": "eV", "dtype": dtype}
    traced = MolFieldCalculator(model(name), compile="eager", **options)
    return traced, MolFieldCalculator(model(name), **options)


def assert_same(traced: MolFieldCalculator, plain: MolFieldCalculator, atoms: Atoms) -> None:
    for calculator in (traced, plain):
        calculator.calculate(atoms)
    assert traced.results.keys() == plain.results.keys()
    tolerance = TOLERANCE[plain.settings.dtype]
    for key, value in plain.results.items():
        found, expected = torch.tensor(traced.results[key]), torch.tensor(value)
        limit = tolerance * max(float(expected.abs().max()), 1e-3)
        torch.testing.assert_close(found, expected, rtol=0, atol=limit, msg=key)


@pytest.mark.parametrize(
    ("name", "precision"),
    [("MolField", torch.float32), ("PaiNN", torch.float64), ("SchNet", torch.float32)],
)
def test_a_trajectory_needs_one_graph(name: str, precision: torch.dtype, ethanol: Atoms) -> None:
    traced, plain = pair(name, precision)
    for seed in range(3):
        assert_same(traced, plain, ethanol)
        ethanol.rattle(0.05, seed=seed)
        ethanol.positions[:3] *= 1.3  # pairs leave and enter the list
    assert traced.evaluators[0].n_compiled == 1


def test_periodic_cells(water: Atoms) -> None:
    traced, plain = pair("MolField", torch.float64)
    for factor in (1.0, 1.02, 0.97):
        water.set_cell(factor * water.cell, scale_atoms=True)
        assert_same(traced, plain, water)
        assert "stress" in traced.results


def test_single_atoms_and_empty_lists() -> None:
    traced, plain = pair("MolField", torch.float64)
    far = Atoms("OC", [[0, 0, 0], [9, 0, 0]])
    near = Atoms("OC", [[0, 0, 0], [1.2, 0, 0]])
    for atoms in (Atoms("O"), far, near, far):
        assert_same(traced, plain, atoms)


def test_copies_make_their_own_graph(ethanol: Atoms) -> None:
    traced, _ = pair("PaiNN", torch.float64)
    forces = traced.get_forces(ethanol)
    copy = pickle.loads(pickle.dumps(traced))
    ethanol.rattle(0.0)
    assert (copy.get_forces(ethanol) == forces).all()
    assert copy.evaluators[0].model is copy.models[0]


def test_denser_structures_get_a_larger_budget() -> None:
    traced, plain = pair("PaiNN", torch.float64)
    row = Atoms("C12", [[2.1 * i, 0, 0] for i in range(12)], cell=[40, 20, 20], pbc=True)
    assert_same(traced, plain, row)
    row.positions[:, 0] *= 0.5
    assert_same(traced, plain, row)
    assert traced.evaluators[0].n_compiled == 2


def test_budgets() -> None:
    assert Budget(40, 8).with_margin(9, periodic=True) == Budget(58, 12)
    assert Budget(70, 8).with_margin(9, periodic=False) == Budget(72, 8)
    assert Budget(0, 1).with_margin(1, periodic=False) == Budget(1, 1)
    assert Budget(5, 3).holds(Budget(5, 2)) and not Budget(5, 3).holds(Budget(4, 4))


class Reading(torch.nn.Module):
    """Asks for a number in the middle, which no graph has."""

    def forward(self, inputs):
        if float(inputs["_positions"].sum()) > 1e6:
            raise ValueError
        return inputs


def test_what_cannot_be_compiled_runs_as_it_is(ethanol: Atoms) -> None:
    own = model("PaiNN")
    expected = MolFieldCalculator(own, energy_unit="eV").get_forces(ethanol)
    own.input_modules.append(Reading())
    calculator = MolFieldCalculator(own, energy_unit="eV", compile="eager")
    with pytest.warns(UserWarning, match="can't be compiled and runs as it is") as caught:
        forces = calculator.get_forces(ethanol)
    (said,) = [str(w.message) for w in caught if "compiled" in str(w.message)]
    assert "\n" not in said
    assert (forces == expected).all()
    ethanol.rattle(0.01)
    calculator.get_forces(ethanol)  # says nothing more


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile asks for a C++ compiler")
def test_a_real_compiler() -> None:
    atoms = molecule("H2O")
    calculator = MolFieldCalculator(model("SchNet", 1), energy_unit="eV", compile=True)
    plain = MolFieldCalculator(model("SchNet", 1), energy_unit="eV")
    assert_same(calculator, plain, atoms)
    assert calculator.evaluators[0].n_compiled == 1
