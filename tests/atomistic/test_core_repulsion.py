"""The repulsion of nuclei: its values, where it ends, and that forces push apart."""

import pytest
import schnetpack as spk
import torch
from ase import Atoms
from ase.build import molecule
from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances, ZBLRepulsionEnergy
from schnetpack.interfaces import AtomsConverter
from schnetpack.model import NeuralNetworkPotential
from schnetpack.transform import MatScipyNeighborList

from schnetpack_molfield import MolField, MolFieldCalculator
from schnetpack_molfield.atomistic import CoreRepulsion
from schnetpack_molfield.nn import SmoothCutoff

CUTOFF = 4.0


def inputs_of(*structures: Atoms, dtype: torch.dtype = torch.float64) -> dict[str, torch.Tensor]:
    converter = AtomsConverter(MatScipyNeighborList(CUTOFF), dtype=dtype)
    inputs = PairwiseDistances()(converter(list(structures)))
    return inputs | {"energy": torch.ones(len(structures), dtype=dtype)}


@pytest.mark.parametrize(("symbols", "radii"), [("OH", 0.66 + 0.31), ("CC", 2 * 0.76)])
def test_values_are_those_of_schnetpack_in_a_window(symbols, radii, dtype) -> None:
    dimers = [Atoms(symbols, [[0, 0, 0], [0, 0, d]]) for d in (0.2, 0.5, 0.7)]
    inputs = inputs_of(*dimers, dtype=dtype)
    whole = ZBLRepulsionEnergy("eV", "Ang", "zbl", trainable=False).to(dtype)(dict(inputs))["zbl"]
    window = SmoothCutoff(0.8 * radii)(torch.tensor([0.2, 0.5, 0.7])).to(dtype)
    found = CoreRepulsion("energy").to(dtype)(dict(inputs))["energy"] - 1
    torch.testing.assert_close(found, whole * window, rtol=2e-5, atol=0)
    assert found[1] > 1
    in_kcal = CoreRepulsion("energy", "kcal/mol").to(dtype)(dict(inputs))["energy"] - 1
    torch.testing.assert_close(in_kcal, found * 23.060548, rtol=1e-6, atol=0)


def test_molecules_as_they_are_do_not_notice() -> None:
    structures = [molecule(name) for name in ("CH4", "N2", "C2H2", "HCN", "H2O", "H2", "CO", "H")]
    inputs = inputs_of(*structures)
    found = CoreRepulsion("energy")(dict(inputs))["energy"] - 1
    assert found.abs().max() < 1e-3  # eV: the triple bonds, which are shorter than 0.8 radii apart
    for name, expected in (("CH4", 0.0), ("H2O", 0.0), ("H", 0.0)):
        energy = CoreRepulsion("energy")(inputs_of(molecule(name)))["energy"]
        assert float(energy) - 1 == expected


def potential(*cores: torch.nn.Module) -> NeuralNetworkPotential:
    torch.manual_seed(0)
    basis, cutoff_fn = spk.nn.GaussianRBF(8, CUTOFF), spk.nn.CosineCutoff(CUTOFF)
    return NeuralNetworkPotential(
        MolField(8, 2, basis, cutoff_fn),
        [PairwiseDistances()],
        [Atomwise(8, output_key="energy"), *cores, Forces()],
    )


def test_forces_are_its_derivative_and_push_apart() -> None:
    calculator = MolFieldCalculator(
        potential(CoreRepulsion("energy")), energy_unit="eV", dtype=torch.float64
    )
    pressed = molecule("C2H6")
    pressed.positions[4] = pressed.positions[0] + [0.0, 0.0, -0.4]  # a hydrogen into a carbon
    forces = calculator.get_forces(pressed)
    assert forces[4, 2] < -10 and forces[0, 2] > 10
    energies = []
    for step in (1e-5, -1e-5):
        moved = pressed.copy()
        moved.positions[4, 2] += step
        energies.append(calculator.get_potential_energy(moved))
    slope = (energies[0] - energies[1]) / 2e-5
    assert forces[4, 2] == pytest.approx(-slope, rel=1e-6)


def test_torchscript_and_export_keep_it(tmp_path, dtype) -> None:
    model = potential(CoreRepulsion("energy")).to(dtype).eval()
    close = Atoms("OHH", [[0, 0, 0], [0, 0, 0.5], [0.9, 0, 0]])
    converter = AtomsConverter(MatScipyNeighborList(CUTOFF), dtype=dtype)
    expected = model(converter(close))
    scripted = torch.jit.script(model)(converter(close))
    for key in ("energy", "forces"):
        torch.testing.assert_close(scripted[key], expected[key], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"reach": 0.0}, "reach"), ({"energy_unit": "foo"}, "foo")],
)
def test_bad_options(options, message) -> None:
    with pytest.raises((ValueError, KeyError), match=message):
        CoreRepulsion("energy", **options)
