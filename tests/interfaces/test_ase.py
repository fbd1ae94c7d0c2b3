"""MolFieldCalculator: right numbers in ASE's units, for any input, in one line."""

import multiprocessing
import pickle
from collections.abc import Callable
from copy import deepcopy
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import schnetpack as spk
import torch
from ase import Atoms, units
from ase.build import molecule
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from ase.mep import NEB
from ase.optimize import BFGS
from schnetpack.interfaces import SpkCalculator
from schnetpack.model import NeuralNetworkPotential
from schnetpack.transform import MatScipyNeighborList

from schnetpack_molfield.interfaces import MolFieldCalculator

MakeModel = Callable[..., NeuralNetworkPotential]
CUTOFF = 4.0  # of the model
KCAL = units.kcal / units.mol


@pytest.fixture
def recorded(make_model: MakeModel, record: dict, tmp_path: Path) -> Path:
    """A saved model of energies in kcal/mol, with its record."""
    model = make_model()
    model.molfield_record = record
    torch.save(model, tmp_path / "best_model")
    return tmp_path / "best_model"


def test_one_line_is_enough(recorded: Path, ethanol: Atoms) -> None:
    ethanol.calc = MolFieldCalculator(recorded)
    assert isinstance(ethanol.calc, SpkCalculator)
    assert ethanol.get_forces().shape == (9, 3)
    assert ethanol.get_potential_energy(force_consistent=True) == ethanol.get_potential_energy()


def test_folder_of_the_run_will_do(recorded: Path, ethanol: Atoms) -> None:
    energies = [
        MolFieldCalculator(model).get_potential_energy(ethanol)
        for model in (recorded, recorded.parent)
    ]
    assert energies[0] == energies[1]


# SchNetPack 2.1.1 calls torch.load without `weights_only`
@pytest.mark.filterwarnings("ignore:You are using `torch.load`:FutureWarning")
def test_agrees_with_the_host(make_model: MakeModel, tmp_path: Path, ethanol: Atoms) -> None:
    torch.save(make_model(forces=True), tmp_path / "best_model")
    host = SpkCalculator(
        str(tmp_path / "best_model"),
        neighbor_list=MatScipyNeighborList(4.0),
        energy_unit="kcal/mol",
        dtype=torch.float64,
    )
    ours = MolFieldCalculator(tmp_path / "best_model", energy_unit="kcal/mol")
    energy, forces = host.get_potential_energy(ethanol), host.get_forces(ethanol)
    assert ours.get_potential_energy(ethanol) == pytest.approx(energy, rel=0, abs=1e-9)
    np.testing.assert_allclose(ours.get_forces(ethanol), forces, rtol=0, atol=1e-10)


def test_forces_of_a_model_of_energies(recorded: Path, ethanol: Atoms) -> None:
    ethanol.calc = MolFieldCalculator(recorded)
    expected = calculate_numerical_forces(ethanol, eps=1e-4)
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(ethanol.get_forces(), expected, rtol=0, atol=1e-6)


def test_stress_of_a_model_of_energies(recorded: Path, water: Atoms) -> None:
    water.calc = MolFieldCalculator(recorded)
    expected = calculate_numerical_stress(water, eps=1e-4)
    assert np.abs(expected).max() > 1e-5
    np.testing.assert_allclose(water.get_stress(), expected, rtol=0, atol=1e-8)
    assert water.get_stress(voigt=False).shape == (3, 3)


ORDERS = list(permutations(range(3)))
BULK, SLAB, WIRE = (True, True, True), (True, True, False), (True, False, False)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("pbc", [BULK, SLAB, WIRE])
def test_stress_whatever_the_order_of_the_vectors(
    recorded: Path, water: Atoms, order: tuple[int, ...], pbc: tuple[bool, ...]
) -> None:
    """Half of the orders are left-handed, where SchNetPack's volume is negative."""
    water.pbc = pbc
    reference = MolFieldCalculator(recorded).get_stress(water)
    water.set_cell(water.cell[list(order)])
    water.pbc = water.pbc[list(order)]
    water.calc = MolFieldCalculator(recorded)
    expected = calculate_numerical_stress(water, eps=1e-4)
    assert np.abs(expected).max() > 1e-5
    np.testing.assert_allclose(water.get_stress(), expected, rtol=0, atol=1e-8)
    np.testing.assert_allclose(water.get_stress(), reference, rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("n_vectors", [1, 2])
def test_no_stress_where_a_vector_is_zero(
    recorded: Path, water: Atoms, order: tuple[int, ...], n_vectors: int
) -> None:
    """As ASE's own calculators have it: there is no volume to divide by. Energies don't mind."""
    water.pbc = [True] * n_vectors + [False] * (3 - n_vectors)
    calculator = MolFieldCalculator(recorded)
    energy = calculator.get_potential_energy(water)
    cell = water.cell.array * water.pbc[:, None]
    water.set_cell(cell[list(order)])
    water.pbc = water.pbc[list(order)]
    assert calculator.get_potential_energy(water) == pytest.approx(energy, rel=0, abs=1e-9)
    with pytest.raises(PropertyNotImplementedError):
        calculator.get_stress(water)


def test_stress_of_a_left_handed_cell_by_a_response_module(
    make_model: MakeModel, water: Atoms
) -> None:
    model = make_model()
    model.output_modules.append(spk.atomistic.Response("energy", ["forces", "stress"]))
    water.set_cell(water.cell[[1, 0, 2]])
    stress = MolFieldCalculator(model, energy_unit="eV").get_stress(water)
    expected = MolFieldCalculator(make_model(), energy_unit="eV").get_stress(water)
    np.testing.assert_allclose(stress, expected, rtol=0, atol=1e-12)


def test_no_stress_without_a_cell(recorded: Path, ethanol: Atoms) -> None:
    ethanol.calc = MolFieldCalculator(recorded)
    with pytest.raises(PropertyNotImplementedError):
        ethanol.get_stress()


def test_units_of_the_record(recorded: Path, ethanol: Atoms) -> None:
    model = torch.load(recorded, weights_only=False)
    del model.molfield_record
    in_ev = MolFieldCalculator(model, energy_unit="eV").get_potential_energy(ethanol)
    in_kcal = MolFieldCalculator(recorded).get_potential_energy(ethanol)
    assert in_kcal == pytest.approx(in_ev * KCAL, rel=0, abs=1e-9)
    agreed = MolFieldCalculator(recorded, energy_unit="kcal/mol", cutoff=CUTOFF)
    assert agreed.get_potential_energy(ethanol) == in_kcal


@pytest.mark.parametrize(
    ("option", "own"),
    [
        ({"energy_unit": "eV"}, "'kcal/mol'"),
        ({"position_unit": "Bohr"}, "'Ang'"),
        ({"cutoff": CUTOFF - 0.1}, f"{CUTOFF:g}"),
    ],
)
def test_contradictions_of_the_record(recorded: Path, option: dict, own: str) -> None:
    (name,) = option
    with pytest.raises(ValueError, match=f"{name}=.* contradicts the model's own {own}: leave"):
        MolFieldCalculator(recorded, **option)


def test_units_of_the_run_s_configuration(tmp_path: Path, make_model: MakeModel) -> None:
    """A plain SchNetPack model in the folder of its run knows its units."""
    torch.save(make_model(), tmp_path / "best_model")
    (tmp_path / "config.yaml").write_text(
        "globals: {energy_key: energy}\n"
        "data:\n  distance_unit: Ang\n  property_units: {energy: kcal/mol, forces: kcal/mol/Ang}\n"
        "other: ${uuid:1}\n"
    )
    assert MolFieldCalculator(tmp_path).settings.energy_unit == pytest.approx(KCAL, rel=1e-9)
    (tmp_path / "config.yaml").write_text("data: {property_units: null, distance_unit: Ang}\n")
    with pytest.raises(ValueError, match="no record of the unit of 'energy'; give that of the"):
        MolFieldCalculator(tmp_path)


@pytest.mark.parametrize("key", ["dipole_moment", "isotropic_polarizability", "homo", "zpve"])
def test_other_properties_are_not_offered_as_an_energy(make_model: MakeModel, key: str) -> None:
    with pytest.raises(KeyError, match=f"the model predicts {key}; if one of them is a total"):
        MolFieldCalculator(make_model(key), energy_unit="eV")


def test_a_dipole_is_no_energy(make_model: MakeModel, record: dict) -> None:
    model = make_model("dipole_moment")
    model.molfield_record = record | {"property_units": {"dipole_moment": "Debye"}}
    with pytest.raises(ValueError, match="unknown unit of energy 'Debye'"):
        MolFieldCalculator(model, energy_key="dipole_moment")


def test_model_in_other_units_of_length(make_model: MakeModel, ethanol: Atoms) -> None:
    """The same numbers read as Bohr: a structure blown up by that has the same energy."""
    angstrom = MolFieldCalculator(make_model(), energy_unit="eV")
    bohr = MolFieldCalculator(make_model(), energy_unit="eV", position_unit="Bohr")
    energy, forces = angstrom.get_potential_energy(ethanol), angstrom.get_forces(ethanol)
    scaled = Atoms(ethanol.numbers, ethanol.positions * units.Bohr)
    assert bohr.get_potential_energy(scaled) == pytest.approx(energy, rel=0, abs=1e-9)
    np.testing.assert_allclose(bohr.get_forces(scaled) * units.Bohr, forces, rtol=0, atol=1e-9)


def test_single_precision_keeps_offsets(make_model: MakeModel, ethanol: Atoms) -> None:
    """The offset of -4204 eV would lose 1e-4 eV, were it rounded to single precision."""
    double, single = (
        MolFieldCalculator(make_model(), energy_unit="eV", dtype=dtype).get_potential_energy(
            ethanol
        )
        for dtype in ("float64", "float32")
    )
    assert single == pytest.approx(double, rel=0, abs=2e-6)


def test_users_model_stays_as_it_is(make_model: MakeModel, ethanol: Atoms) -> None:
    model = make_model(dtype=torch.float32)
    MolFieldCalculator(model, energy_unit="eV", dtype="float64").get_forces(ethanol)
    assert all(p.requires_grad and p.dtype == torch.float32 for p in model.parameters())
    assert len(model.output_modules) == 1


def test_one_evaluation_per_step(recorded: Path, water: Atoms) -> None:
    water.calc = MolFieldCalculator(recorded)
    calls = []
    water.calc.model.register_forward_hook(lambda *args: calls.append(1))
    for property_of in (water.get_potential_energy, water.get_forces, water.get_stress):
        property_of()
    assert len(calls) == 1


class TestNeighborList:
    """The skin list gives what a new list would, whatever changes between two calls."""

    @staticmethod
    def check(calculator: MolFieldCalculator, atoms: Atoms, model: Path) -> None:
        fresh = MolFieldCalculator(model)
        reference = fresh.get_potential_energy(atoms)
        assert calculator.get_potential_energy(atoms) == pytest.approx(reference, rel=0, abs=1e-9)
        np.testing.assert_allclose(
            calculator.get_forces(atoms), fresh.get_forces(atoms), rtol=0, atol=1e-9
        )

    def test_moving_atoms(self, recorded: Path, water: Atoms) -> None:
        calculator, random = MolFieldCalculator(recorded), np.random.default_rng(0)
        for _ in range(12):
            water.positions += random.normal(scale=0.05, size=water.positions.shape)
            self.check(calculator, water, recorded)

    def test_wrapping(self, recorded: Path, water: Atoms) -> None:
        calculator = MolFieldCalculator(recorded)
        before = calculator.get_potential_energy(water)
        water.positions += np.random.default_rng(0).integers(-3, 4, (len(water), 3)) @ water.cell
        self.check(calculator, water, recorded)
        assert calculator.get_potential_energy(water) == pytest.approx(before, rel=0, abs=1e-9)

    def test_changing_cell(self, recorded: Path, water: Atoms) -> None:
        """Atoms stay, the cell shrinks: SchNetPack's list alone would keep the old images."""
        calculator = MolFieldCalculator(recorded)
        calculator.get_potential_energy(water)
        cell = water.cell.array.copy()
        cell[2, 2] -= 0.4
        water.set_cell(cell)
        self.check(calculator, water, recorded)

    def test_other_molecule(self, recorded: Path, water: Atoms, ethanol: Atoms) -> None:
        calculator = MolFieldCalculator(recorded)
        for atoms in (water, ethanol, ethanol[:8], water):
            self.check(calculator, atoms, recorded)

    def test_slab_without_third_vector(self, recorded: Path, water: Atoms) -> None:
        slab = water.copy()
        slab.pbc = (True, True, False)
        slab.positions += [0.0, 0.0, 30.0]
        bare = slab.copy()
        bare.set_cell([*slab.cell[:2], [0.0, 0.0, 0.0]])
        calculator = MolFieldCalculator(recorded)
        energies = [calculator.get_potential_energy(atoms) for atoms in (slab, bare)]
        assert energies[0] == pytest.approx(energies[1], rel=0, abs=1e-9)
        assert "stress" not in calculator.results


def send(item: object) -> object:
    """Through a file, as to another process."""
    return pickle.loads(pickle.dumps(item))


@pytest.mark.parametrize("duplicate", [deepcopy, send])
def test_copies_after_an_evaluation(
    recorded: Path, water: Atoms, duplicate: Callable[[object], object]
) -> None:
    """Of a calculator and of atoms with one: same numbers, and neither changes the other."""
    water.calc = MolFieldCalculator(recorded)
    forces, stress = water.get_forces(), water.get_stress()
    for copied in (duplicate(water), water.copy()):
        if copied.calc is None:
            copied.calc = duplicate(water.calc)
        np.testing.assert_array_equal(copied.get_forces(), forces)
        copied.positions[0] += 0.1
        assert np.abs(copied.get_forces() - forces).max() > 1e-3
        np.testing.assert_array_equal(water.get_forces(), forces)
        np.testing.assert_array_equal(water.get_stress(), stress)


def test_no_graph_is_kept(recorded: Path, water: Atoms) -> None:
    water.calc = MolFieldCalculator(recorded)
    water.get_stress()
    assert water.calc.model_results
    assert not any(value.requires_grad for value in water.calc.model_results.values())


def test_other_processes(recorded: Path, water: Atoms, ethanol: Atoms) -> None:
    calculator = MolFieldCalculator(recorded)
    expected = [calculator.get_potential_energy(atoms) for atoms in (water, ethanol)]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        energies = pool.map(calculator.get_potential_energy, [water, ethanol])
    assert energies == pytest.approx(expected, rel=0, abs=1e-9)


def test_elastic_band_with_a_shared_calculator(recorded: Path, ethanol: Atoms) -> None:
    """Images that take turns in one calculator get the forces of calculators of their own."""
    end = ethanol.copy()
    end.rotate(40, "z", center="COM")
    bands = []
    for shared in (True, False):
        images = [ethanol.copy() for _ in range(4)] + [end.copy()]
        band = NEB(images, method="improvedtangent", allow_shared_calculator=shared)
        band.interpolate()
        calculator = MolFieldCalculator(recorded)
        for image in images:
            image.calc = calculator if shared else deepcopy(calculator)
        BFGS(band, logfile=None).run(steps=3)
        bands.append(np.stack([image.positions for image in images]))
    assert np.abs(bands[0][1] - images[0].positions).max() > 0.1
    np.testing.assert_allclose(bands[0], bands[1], rtol=0, atol=1e-8)


class Marked(Atoms):
    """A subclass of Atoms, as several packages have them; SchNetPack refuses these."""


def test_subclass_of_atoms(recorded: Path, ethanol: Atoms) -> None:
    calculator = MolFieldCalculator(recorded)
    marked = Marked(ethanol.numbers, ethanol.positions)
    assert calculator.get_potential_energy(marked) == calculator.get_potential_energy(ethanol)


def nan(atoms: Atoms) -> None:
    atoms.positions[3, 1] = np.nan


def infinite(atoms: Atoms) -> None:
    atoms.positions[3] = np.inf


def coincident(atoms: Atoms) -> None:
    atoms.positions[3] = atoms.positions[5] + 1e-4


def foreign(atoms: Atoms) -> None:
    atoms.numbers[0] = 79


def dummy(atoms: Atoms) -> None:
    atoms.numbers[0] = 0


def zero_cell(atoms: Atoms) -> None:
    atoms.pbc = True


def flat_cell(atoms: Atoms) -> None:
    atoms.set_cell([[5, 0, 0], [0, 5, 0], [5, 5, 0]])
    atoms.pbc = True


def image_on_atom(atoms: Atoms) -> None:
    atoms.set_cell([20, 20, 20])
    atoms.pbc = True
    atoms.positions[3] = atoms.positions[5] + [0, 20, 0]


def empty(atoms: Atoms) -> None:
    del atoms[:]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (nan, r"_positions.*row.* \[3\]"),
        (infinite, r"_positions.*row.* \[3\]"),
        (coincident, "atoms 3 and 5"),
        (foreign, "doesn't know Au; it was trained on H, C, O"),
        (dummy, "atomic number 0"),
        (zero_cell, "spans no volume"),
        (flat_cell, "spans no volume"),
        (image_on_atom, "atoms 3 and 5"),
        (empty, "n_atoms"),
    ],
)
def test_bad_structure(
    recorded: Path, ethanol: Atoms, damage: Callable[[Atoms], None], says: str
) -> None:
    """One line, also when it happens in the middle of a simulation, and no stale results."""
    ethanol.calc = MolFieldCalculator(recorded)
    ethanol.get_forces()
    damage(ethanol)
    for _ in range(2):
        with pytest.raises(ValueError, match=says) as caught:
            ethanol.get_forces()
    assert "\n" not in str(caught.value)


def test_molecule_atlas_refuses_periodic_cells(recorded: Path, water: Atoms) -> None:
    model = torch.load(recorded, weights_only=False)
    model.representation.charts = "molecule"
    with pytest.raises(ValueError, match="charts='molecule'"):
        MolFieldCalculator(model).get_potential_energy(water)


def test_plain_model_needs_units(make_model: MakeModel) -> None:
    with pytest.raises(ValueError, match="give that of the labels it was trained on: energy_unit"):
        MolFieldCalculator(make_model())


def test_option_with_a_typo(make_model: MakeModel) -> None:
    with pytest.raises(TypeError, match="did you mean 'cutoff'"):
        MolFieldCalculator(make_model(), energy_unit="eV", cuttoff=5.0)


def test_energy_key_with_a_typo(make_model: MakeModel) -> None:
    with pytest.raises(KeyError, match="did you mean 'energy'"):
        MolFieldCalculator(make_model(), energy_unit="eV", energy_key="enrgy")


@pytest.mark.parametrize(("unit", "hint"), [("kcal/mole", "kcal/mol"), ("ev", "eV")])
def test_unknown_unit(make_model: MakeModel, unit: str, hint: str) -> None:
    with pytest.raises(ValueError, match=f"did you mean '{hint}'"):
        MolFieldCalculator(make_model(), energy_unit=unit)


def test_ampere_is_no_length(make_model: MakeModel) -> None:
    with pytest.raises(ValueError, match="unknown unit of length 'A'"):
        MolFieldCalculator(make_model(), energy_unit="eV", position_unit="A")


def test_half_precision(make_model: MakeModel) -> None:
    with pytest.raises(TypeError, match="float16"):
        MolFieldCalculator(make_model(), energy_unit="eV", dtype="float16")


def test_model_of_another_property(make_model: MakeModel, record: dict) -> None:
    model = make_model("homo")
    model.molfield_record = record | {"energy_key": None, "property_units": {"homo": "eV"}}
    with pytest.raises(KeyError, match="the model predicts homo"):
        MolFieldCalculator(model)


def test_model_of_an_atomisation_energy_by_its_own_name(
    make_model: MakeModel, ethanol: Atoms
) -> None:
    calculator = MolFieldCalculator(make_model("energy_U0"), energy_unit="eV")
    ethanol.calc = calculator
    expected = calculate_numerical_forces(ethanol, eps=1e-4)
    np.testing.assert_allclose(ethanol.get_forces(), expected, rtol=0, atol=1e-6)


def test_response_module_gives_the_forces(make_model: MakeModel, ethanol: Atoms) -> None:
    """Models of SchNetPack's `response` experiment derive their forces themselves."""
    model = make_model()
    model.output_modules.append(spk.atomistic.Response("energy", ["forces"]))
    plain = MolFieldCalculator(make_model(), energy_unit="eV").get_forces(ethanol)
    forces = MolFieldCalculator(model, energy_unit="eV").get_forces(ethanol)
    np.testing.assert_allclose(forces, plain, rtol=0, atol=1e-10)


def test_lengths_in_bohr_or_nm_are_asked_about(make_model) -> None:
    ethanol = molecule("CH3CH2OH")
    for scale, unit in ((1 / units.Bohr, "bohr"), (0.1, "nm")):
        atoms = Atoms(ethanol.numbers, ethanol.positions * scale)
        atoms.calc = MolFieldCalculator(make_model(), energy_unit="eV")
        with pytest.warns(UserWarning, match=f"as if its lengths were in {unit}; positions are"):
            atoms.get_potential_energy()
