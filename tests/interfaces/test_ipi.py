"""A model as a driver of i-PI: the calculator's numbers, conserved energy, beads, pressure."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units

from schnetpack_molfield import MolFieldCalculator

pytest.importorskip("ipi")

from ipi.scripting import InteractiveSimulation, motion_nvt_xml, simulation_xml  # noqa: E402
from ipi.utils.units import unit_to_internal  # noqa: E402

from schnetpack_molfield.interfaces import ipi_driver  # noqa: E402
from schnetpack_molfield.interfaces.ipi_driver import MolFieldDriver  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ipi")

#: i-PI's own constants, a relative 1e-7 from ASE's
EV = unit_to_internal("energy", "electronvolt", 1.0)
ANGSTROM = unit_to_internal("length", "angstrom", 1.0)


def force_field(model: Path, template: Path, more: str = "") -> str:
    return f"""<ffdirect name='molfield'><pes>custom</pes><pes_path>{ipi_driver.__file__}</pes_path>
        <parameters>{{model: {model}, template: {template}{more}}}</parameters></ffdirect>"""


def nve(step: float) -> str:
    return f"""<motion mode='dynamics'><dynamics mode='nve'>
        <timestep units='femtosecond'> {step} </timestep></dynamics></motion>"""


NO_OUTPUT = "<output prefix='x'></output>"


@pytest.fixture
def in_cell(ethanol: Atoms) -> Atoms:
    """i-PI needs a cell for a molecule, too."""
    ethanol.cell = np.eye(3) * 30
    return ethanol


@pytest.fixture
def template(in_cell: Atoms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    in_cell.write("start.xyz", format="xyz")
    return Path("start.xyz")


@pytest.mark.parametrize("name", ["ethanol", "water"])
def test_numbers_of_the_calculator(
    name: str, engine_model: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    atoms = request.getfixturevalue(name)
    atoms.write(tmp_path / "start.extxyz")
    driver = MolFieldDriver(str(tmp_path / "start.extxyz"), str(engine_model))
    cell = atoms.cell.array.T * ANGSTROM  # i-PI's are columns
    energy, forces, virial, _ = driver(cell, atoms.positions * ANGSTROM)
    atoms.calc = MolFieldCalculator(engine_model)
    assert energy == pytest.approx(atoms.get_potential_energy() * EV, rel=0, abs=1e-9)
    np.testing.assert_allclose(forces, atoms.get_forces() * EV / ANGSTROM, rtol=0, atol=1e-9)
    if name == "water":
        expected = -atoms.get_stress(voigt=False) * atoms.get_volume() * EV
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(virial, expected, rtol=0, atol=1e-9)
    else:
        assert not virial.any()


def beads(atoms: Atoms, n_beads: int) -> list[Atoms]:
    frames = [atoms.copy() for _ in range(n_beads)]
    for seed, frame in enumerate(frames):
        frame.rattle(0.02, seed=seed)
    return frames


def test_energy_is_conserved(engine_model: Path, template: Path, in_cell: Atoms) -> None:
    """With two beads, whose springs change by much more."""
    field = force_field(engine_model, template)
    text = simulation_xml(beads(in_cell, 2), field, nve(0.1), 300, NO_OUTPUT)
    simulation = InteractiveSimulation(text)
    rows = []
    for _ in range(15):
        simulation.run(1)
        rows.append([simulation.properties(name) for name in ("conserved", "kinetic_md")])
    conserved, kinetic = np.std(rows, axis=0)
    assert kinetic > 0
    assert conserved < 1e-3 * kinetic


def test_eight_beads(engine_model: Path, template: Path, in_cell: Atoms) -> None:
    """The potential is their mean, and path-integral dynamics runs."""
    frames = beads(in_cell, 8)
    motion = motion_nvt_xml(0.5 * units.fs, path_integrals=True)
    field = force_field(engine_model, template)
    simulation = InteractiveSimulation(simulation_xml(frames, field, motion, 300, NO_OUTPUT))
    calculator = MolFieldCalculator(engine_model)
    expected = np.mean([calculator.get_potential_energy(frame) for frame in frames])
    found = simulation.syslist[0].forces.pots.mean() / EV
    assert found == pytest.approx(expected, rel=0, abs=1e-6)  # positions go through text
    simulation.run(1)
    assert np.isfinite(simulation.properties("kinetic_cv"))


def test_mistakes(engine_model: Path, molecule_model: Path, template: Path, water: Atoms) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere.xyz isn't a file"):
        MolFieldDriver("nowhere.xyz", str(engine_model))
    Atoms("NH3", np.eye(4)[:, :3]).write("ammonia.xyz")
    with pytest.raises(ValueError, match="the model doesn't know N"):
        MolFieldDriver("ammonia.xyz", str(engine_model))
    water.write("water.extxyz")
    with pytest.raises(ValueError, match="can't do periodic"):
        MolFieldDriver("water.extxyz", str(molecule_model))
    MolFieldDriver("water.extxyz", str(molecule_model), periodic=False)
    Path("ipi.xyz").write_text(
        "1\n# CELL(abcABC): 9 9 9 90 90 90 cell{angstrom} positions{angstrom}\nO 0 0 0\n"
    )
    with pytest.raises(ValueError, match="ipi.xyz is one of i-PI's files.*periodic=true"):
        MolFieldDriver("ipi.xyz", str(engine_model))
    driver = MolFieldDriver("ipi.xyz", str(engine_model), periodic=True)
    with pytest.raises(ValueError, match="i-PI sends 2 atoms, but the template has 1"):
        driver(np.eye(3) * 20, np.zeros((2, 3)))


def test_path_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(ipi_driver.__file__, run_name="__main__")
    assert Path(capsys.readouterr().out.strip()) == Path(ipi_driver.__file__)
