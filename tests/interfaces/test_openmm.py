"""A model as a force of OpenMM: the calculator's numbers, boxes, subsets, OpenMM-ML."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units

from schnetpack_molfield import MolFieldCalculator
from schnetpack_molfield.interfaces import molfield_force

mm = pytest.importorskip("openmm")
app = pytest.importorskip("openmm.app")

KJ = units.kJ / units.mol  # eV per kJ/mol
platforms = pytest.mark.parametrize(("platform", "error"), [("Reference", 1e-9), ("CPU", 3e-6)])


def system_of(atoms: Atoms) -> mm.System:
    system = mm.System()
    for mass in atoms.get_masses():
        system.addParticle(mass)
    if atoms.pbc.any():
        system.setDefaultPeriodicBoxVectors(*(atoms.cell.array / units.nm))
    return system


def context_of(system: mm.System, atoms: Atoms, platform: str = "Reference", step: float = 0.5):
    integrator = mm.VerletIntegrator(step * 1e-3)  # ps
    context = mm.Context(system, integrator, mm.Platform.getPlatform(platform))
    context.setPositions(atoms.positions / units.nm)
    return context


def energy_and_forces(context: mm.Context) -> tuple[float, np.ndarray]:
    """In eV and eV/Angstrom."""
    state = context.getState(energy=True, forces=True)
    forces = state.getForces(asNumpy=True)
    return state.getPotentialEnergy()._value * KJ, np.array(forces._value) * KJ / units.nm


def topology_of(atoms: Atoms) -> "app.Topology":
    topology = app.Topology()
    residue = topology.addResidue("MOL", topology.addChain())
    for number in atoms.numbers:
        topology.addAtom("X", app.Element.getByAtomicNumber(int(number)), residue)
    if atoms.pbc.any():
        topology.setPeriodicBoxVectors(atoms.cell.array / units.nm)
    return topology


@pytest.fixture
def box(water: Atoms) -> Atoms:
    """Water in a sheared cell of the form that OpenMM wants."""
    water.set_cell([[6.2, 0.0, 0.0], [0.3, 3.1, 0.0], [0.2, -0.3, 3.1]])
    return water


@platforms
@pytest.mark.parametrize("name", ["ethanol", "box"])
def test_numbers_of_the_calculator(
    name: str, platform: str, error: float, engine_model: Path, request: pytest.FixtureRequest
) -> None:
    atoms = request.getfixturevalue(name)
    system = system_of(atoms)
    system.addForce(molfield_force(engine_model, atoms.numbers, periodic=bool(atoms.pbc.any())))
    energy, forces = energy_and_forces(context_of(system, atoms, platform))
    atoms.calc = MolFieldCalculator(engine_model)
    assert energy == pytest.approx(atoms.get_potential_energy(), rel=0, abs=10 * error)
    assert np.abs(atoms.get_forces()).max() > 0.1
    np.testing.assert_allclose(forces, atoms.get_forces(), rtol=0, atol=10 * error)


def test_virial_by_strain(engine_model: Path, box: Atoms) -> None:
    """What a barostat feels: OpenMM scales the box and asks for energies."""
    system = system_of(box)
    system.addForce(molfield_force(engine_model, box.numbers, periodic=True))
    context = context_of(system, box)
    energies = []
    for strain in (-1e-4, 1e-4):
        vectors = box.cell.array * (1 + strain) / units.nm
        context.setPeriodicBoxVectors(*vectors)
        context.setPositions(box.positions * (1 + strain) / units.nm)
        energies.append(energy_and_forces(context)[0])
    box.calc = MolFieldCalculator(engine_model)
    trace = box.get_stress()[:3].sum() * box.get_volume()
    assert abs(trace) > 0.1
    assert (energies[1] - energies[0]) / 2e-4 == pytest.approx(trace, rel=0, abs=1e-5)


def test_energy_is_conserved(engine_model: Path, ethanol: Atoms) -> None:
    """Four times better with half the time step."""
    spreads = []
    for step in (0.5, 0.25):
        system = system_of(ethanol)
        system.addForce(molfield_force(engine_model, ethanol.numbers))
        context = context_of(system, ethanol, step=step)
        context.setVelocitiesToTemperature(300, 1)
        rows = []
        for _ in range(int(6 / step)):
            context.getIntegrator().step(1)
            state = context.getState(energy=True)
            rows.append([state.getPotentialEnergy()._value, state.getKineticEnergy()._value])
        potential, kinetic = np.transpose(rows)
        spreads.append(np.std(potential + kinetic) / np.std(kinetic))
    assert spreads[0] < 0.05
    assert spreads[0] / spreads[1] == pytest.approx(4, rel=0.15)


def test_some_of_the_particles(engine_model: Path, ethanol: Atoms) -> None:
    both = ethanol + Atoms("Ar", [[20, 0, 0]])
    order = [9, *range(9)]  # argon first
    system = system_of(both[order])
    system.addForce(molfield_force(engine_model, ethanol.numbers, particles=range(1, 10)))
    energy, forces = energy_and_forces(context_of(system, both[order]))
    ethanol.calc = MolFieldCalculator(engine_model)
    assert energy == pytest.approx(ethanol.get_potential_energy(), rel=0, abs=1e-8)
    np.testing.assert_allclose(forces[1:], ethanol.get_forces(), rtol=0, atol=1e-8)
    assert not forces[0].any()


def test_saved_with_the_system(engine_model: Path, ethanol: Atoms) -> None:
    system = system_of(ethanol)
    system.addForce(molfield_force(engine_model, ethanol.numbers))
    again = mm.XmlSerializer.deserialize(mm.XmlSerializer.serialize(system))
    assert energy_and_forces(context_of(again, ethanol))[0] == pytest.approx(
        energy_and_forces(context_of(system, ethanol))[0], rel=0, abs=1e-9
    )


def test_mistakes(
    engine_model: Path, molecule_model: Path, field_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="^the model doesn't know N; it was trained on H, C, O$"):
        molfield_force(engine_model, [7, 1, 1, 1])
    with pytest.raises(ValueError, match="charts='molecule'.* can't do periodic"):
        molfield_force(molecule_model, [8, 1, 1], periodic=True)
    with pytest.raises(ValueError, match="2 particles, but 3 atomic numbers"):
        molfield_force(engine_model, [8, 1, 1], particles=[0, 1])
    with pytest.raises(KeyError, match="total energy"):
        molfield_force(field_model, [8, 1, 1])
    with pytest.raises(FileNotFoundError):
        molfield_force(tmp_path / "best_model", [8, 1, 1])


def test_bad_coordinates_end_the_simulation(engine_model: Path, ethanol: Atoms) -> None:
    system = system_of(ethanol)
    system.addForce(molfield_force(engine_model, ethanol.numbers))
    ethanol.positions[1] = ethanol.positions[0]
    with pytest.raises(mm.OpenMMException, match="atoms 0 and 1 are closer than 0.001"):
        energy_and_forces(context_of(system, ethanol))


class TestOpenMMML:
    """`MLPotential("molfield", model=...)`, found by its entry point."""

    @pytest.fixture
    def potential(self, engine_model: Path):
        return pytest.importorskip("openmmml").MLPotential("molfield", model=engine_model)

    @pytest.mark.parametrize("name", ["ethanol", "box"])
    def test_whole_system(
        self, name: str, potential, engine_model: Path, request: pytest.FixtureRequest
    ) -> None:
        atoms = request.getfixturevalue(name)
        system = potential.createSystem(topology_of(atoms))
        energy, forces = energy_and_forces(context_of(system, atoms))
        atoms.calc = MolFieldCalculator(engine_model)
        assert energy == pytest.approx(atoms.get_potential_energy(), rel=0, abs=1e-8)
        np.testing.assert_allclose(forces, atoms.get_forces(), rtol=0, atol=1e-8)

    @pytest.mark.parametrize("interpolate", [False, True])
    def test_mixed_system(
        self, interpolate: bool, potential, engine_model: Path, water: Atoms
    ) -> None:
        """The model for one of two waters; what holds the other, and what holds both, is MM."""
        water.pbc, water.cell = False, None
        topology = _two_waters(water)
        field = app.ForceField("tip3p.xml")
        whole = field.createSystem(topology, constraints=None, rigidWater=False)
        mixed = potential.createMixedSystem(topology, whole, [0, 1, 2], interpolate=interpolate)
        energy, forces = energy_and_forces(context_of(mixed, water))
        pure, pure_forces = energy_and_forces(context_of(whole, water))
        single = field.createSystem(_two_waters(water[:3]), rigidWater=False)
        inside, inside_forces = energy_and_forces(context_of(single, water[:3]))
        water = water[:3]
        water.calc = MolFieldCalculator(engine_model)
        expected = pure - inside + water.get_potential_energy()
        assert energy == pytest.approx(expected, rel=0, abs=1e-8)
        expected_forces = pure_forces[:3] - inside_forces + water.get_forces()
        np.testing.assert_allclose(forces[:3], expected_forces, rtol=0, atol=1e-8)
        np.testing.assert_allclose(forces[3:], pure_forces[3:], rtol=0, atol=1e-8)

    def test_mistakes(self, potential, molecule_model: Path, box: Atoms) -> None:
        from openmmml import MLPotential

        with pytest.raises(ValueError, match="the model doesn't know N"):
            potential.createSystem(topology_of(Atoms("NH3")))
        with pytest.raises(TypeError, match="no option 'modle'"):
            MLPotential("molfield", modle="best_model")
        whole = MLPotential("molfield", model=molecule_model)
        with pytest.raises(ValueError, match="can't do periodic"):
            whole.createSystem(topology_of(box))
        whole.createSystem(topology_of(box), periodic=False)
        topology = topology_of(box)
        topology.addAtom("M", None, next(topology.residues()))
        with pytest.raises(ValueError, match="is no element"):
            potential.createSystem(topology)


def _two_waters(atoms: Atoms) -> "app.Topology":
    topology = app.Topology()
    chain = topology.addChain()
    for first in range(0, len(atoms), 3):
        residue = topology.addResidue("HOH", chain)
        names = {1: iter(("H1", "H2")), 8: iter(("O",))}
        members = [
            topology.addAtom(next(names[int(z)]), app.Element.getByAtomicNumber(int(z)), residue)
            for z in atoms.numbers[first : first + 3]
        ]
        for hydrogen in members[:2]:
            topology.addBond(hydrogen, members[2])
    return topology
