"""The data doctor on frames of known potentials: clean ones, and with one thing wrong."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from schnetpack_molfield.datasets.doctor import Observations, Observer, examine
from schnetpack_molfield.datasets.doctor.bonds import total_energy_estimate
from schnetpack_molfield.datasets.doctor.outliers import far_out
from schnetpack_molfield.datasets.doctor.report import check_report, write_report
from schnetpack_molfield.datasets.doctor.units import Evidence, guess_units
from schnetpack_molfield.datasets.frames import Frame

KCAL, BOHR = units.kcal / units.mol, units.Bohr
N_FRAMES = 120


def springs(atoms: Atoms, rest: np.ndarray) -> tuple[float, np.ndarray]:
    """Energy and forces (n_atoms, 3) of springs, as stiff as bonds, between all atoms."""
    vectors = atoms.positions[:, None] - atoms.positions
    lengths = np.linalg.norm(vectors, axis=-1) + np.eye(len(atoms))
    stiffness = np.where(rest < 1.6, 30.0, 1.0) * (1 - np.eye(len(atoms)))
    stretch = lengths - rest - np.eye(len(atoms))
    energy = 0.25 * (stiffness * stretch**2).sum()
    pull = stiffness * stretch / lengths
    return energy - 4000.0, -(pull[..., None] * vectors).sum(axis=1)


@pytest.fixture(scope="module")
def clean() -> Observations:
    """Ethanol that vibrates and turns, every frame independent of the one before."""
    rng = np.random.default_rng(0)
    start = molecule("CH3CH2OH")
    rest = start.get_all_distances()
    frames, labels = [], []
    for _ in range(N_FRAMES):
        atoms = start.copy()
        atoms.rattle(0.05, rng=rng)
        atoms.rotate(rng.uniform(0, 360), rng.normal(size=3))
        frames.append(atoms)
        labels.append(springs(atoms, rest))
    energy, forces = zip(*labels, strict=True)
    stated = {"energy": "eV", "forces": "eV/Ang"}
    names = {"energy": "energy", "forces": "forces"}
    return Observations(frames, np.array(energy), list(forces), stated, names)


def times(observed: Observations, energy: float = 1.0, forces: float = 1.0) -> Observations:
    assert observed.energy is not None and observed.forces is not None
    return replace(
        observed, energy=energy * observed.energy, forces=[forces * f for f in observed.forces]
    )


def moved(observed: Observations, energy: int = 0, forces: int = 0) -> Observations:
    order = np.roll(np.arange(N_FRAMES), forces)
    return replace(
        observed,
        energy=np.roll(observed.energy, energy),
        forces=[observed.forces[k] for k in order],
    )


def changed_energy(observed: Observations, frames: list[int], value) -> Observations:
    energy = observed.energy.copy()
    energy[frames] = value(energy)
    return replace(observed, energy=energy)


def changed_forces(observed: Observations, frame: int, change) -> Observations:
    forces = list(observed.forces)
    forces[frame] = change(forces[frame].copy())
    return replace(observed, forces=forces)


def scaled(observed: Observations, factor: float) -> Observations:
    frames = [Atoms(a.numbers, factor * a.positions) for a in observed.frames]
    return replace(observed, frames=frames)


def with_copies(observed: Observations) -> Observations:
    rows = [*range(N_FRAMES), 3, 4]
    return replace(
        observed,
        frames=[observed.frames[k] for k in rows],
        energy=observed.energy[rows],
        forces=[observed.forces[k] for k in rows],
    )


def stray_atom(observed: Observations) -> Observations:
    frames = list(observed.frames)
    frames[17] = frames[17].copy()
    frames[17].positions[4] += 3.0
    return replace(observed, frames=frames)


def test_a_clean_set(clean) -> None:
    diagnosis = examine(clean)
    assert diagnosis.findings == [] and diagnosis.notes == []
    assert diagnosis.numbers["change of the energy per work of the forces"] == pytest.approx(
        1, abs=0.05
    )


def spike(forces: np.ndarray) -> np.ndarray:
    forces[0, 0] += 40.0
    return forces


@pytest.mark.parametrize(
    ("spoil", "kind", "message"),
    [
        (lambda o: times(o, forces=-1), "sign", "forces have the wrong sign"),
        (lambda o: times(o, energy=-1), "sign", "energies have the wrong sign"),
        (lambda o: times(o, energy=1 / KCAL), "units", "--property energy=kcal/mol"),
        (lambda o: times(o, forces=1 / KCAL), "units", "--property forces=kcal/mol/Ang"),
        (
            lambda o: times(o, 1 / units.Ha, BOHR / units.Ha),
            "units",
            "--property energy=Ha --property forces=Ha/Bohr",
        ),
        (
            lambda o: times(o, 1 / KCAL, 1 / KCAL),
            "units",
            "--property energy=kcal/mol --property forces=kcal/mol/Ang",
        ),
        (lambda o: times(o, forces=3.0), "units", "no usual units"),
        (
            lambda o: moved(o, 1),
            "order",
            "energies are shifted by one frame: frame k carries those of frame k-1",
        ),
        (lambda o: moved(o, -1), "order", "of frame k+1"),
        (lambda o: moved(o, 1, 1), "order", "energies and forces are shifted by one frame"),
        (lambda o: moved(o, 0, 1), "order", "forces are shifted by one frame"),
        (lambda o: changed_energy(o, [33], lambda e: e[32]), "order", "frame 33"),
        (lambda o: changed_energy(o, [33], lambda e: e[33] + 2.0), "outlier", "frame 33"),
        (
            lambda o: changed_energy(o, [33], lambda e: e[33] - 90.0),
            "outlier",
            "frame 33: an energy -90",
        ),
        (lambda o: changed_energy(o, [3, 9], lambda e: 0.0), "missing", "exactly 0 in 2 of 120"),
        (lambda o: times(o, forces=0.0), "missing", "all forces are 0"),
        (lambda o: changed_forces(o, 33, spike), "outlier", "frame 33: a force of"),
        (lambda o: changed_forces(o, 33, lambda f: 20 * f), "outlier", "frame 33"),
        (lambda o: changed_forces(o, 33, lambda f: -f), "sign", "frame 33: the forces have the"),
        (lambda o: replace(o, forces=[f[::-1] for f in o.forces]), "balance", "net torque"),
        (lambda o: replace(o, forces=[f + 0.5 for f in o.forces]), "balance", "net force"),
        (lambda o: scaled(o, 1 / BOHR), "units", "as if its lengths were in bohr"),
        (lambda o: scaled(o, 0.1), "units", "as if its lengths were in nm"),
        (with_copies, "repeat", "frame 120 is 3, 121 is 4"),
        (stray_atom, "outlier", "frame 17"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(clean, spoil, kind, message) -> None:
    findings = examine(spoil(clean)).findings
    assert [finding.kind for finding in findings] == [kind], findings
    assert message in findings[0].message and "\n" not in findings[0].message


def test_a_copy_with_another_energy(clean) -> None:
    copies = with_copies(clean)
    (finding,) = examine(changed_energy(copies, [120], lambda e: e[3] + 0.1)).findings[:1]
    assert "another energy (frame 120 is 3)" in finding.message


def test_a_rounded_energy_of_the_frame_before_is_a_note(clean) -> None:
    """In single precision total energies coincide by chance, so that it can be no warning."""
    steps = np.round(clean.energy * 256)
    steps[1:] += np.diff(steps) == 0  # chance hasn't made neighbours equal
    assert 0 < N_FRAMES - len(np.unique(steps)) < 30
    steps[40] = steps[39]
    diagnosis = examine(replace(clean, energy=steps / 256, forces=None))
    assert diagnosis.findings == []
    assert diagnosis.notes[0].startswith("frame 40: exactly the energy of the frame before")


def test_energies_of_other_structures(clean) -> None:
    shuffled = replace(clean, energy=np.random.default_rng(1).permutation(clean.energy))
    (finding,) = examine(shuffled).findings
    assert finding.kind == "work" and "don't follow the work" in finding.message


def trajectory(atoms: Atoms, step: float, steps: int, sigma: float) -> Observations:
    """Frames of a random walk that is pulled back, a step apart from each other."""
    rng = np.random.default_rng(0)
    start, frames = atoms.positions.copy(), []
    for _ in range(steps):
        atoms.positions += step * rng.normal(size=start.shape)
        atoms.positions += (step / sigma) ** 2 * (start - atoms.positions)
        frames.append((atoms.copy(), atoms.get_potential_energy(), atoms.get_forces()))
    structures, energy, forces = zip(*frames, strict=True)
    return Observations(
        list(structures),
        np.array(energy),
        list(forces),
        {"energy": "eV", "forces": "eV/Ang"},
        {"energy": "energy", "forces": "forces"},
    )


@pytest.mark.parametrize(
    ("atoms", "calculator"),
    [
        (bulk("Cu", cubic=True) * (2, 1, 1), EMT()),
        (bulk("Ar", cubic=True), LennardJones(sigma=3.4, epsilon=0.0103, rc=8.0)),
        (Atoms("Ar2", [[0, 0, 0], [0, 0, 3.8]]), LennardJones(sigma=3.4, epsilon=0.0103, rc=8.0)),
    ],
    ids=["copper", "argon", "argon dimer"],
)
def test_other_matter(atoms, calculator) -> None:
    atoms.calc = calculator
    walk = trajectory(atoms, 0.02, 60, 0.1)
    assert examine(walk).findings == []
    (finding,) = examine(times(walk, forces=-1)).findings
    assert finding.kind == "sign"
    late = replace(walk, energy=np.roll(walk.energy, 1)[1:], frames=walk.frames[1:])
    (finding,) = examine(replace(late, forces=walk.forces[1:])).findings
    assert "frame k carries those of frame k-1" in finding.message


def test_positions_wrapped_into_the_box_are_the_same(clean) -> None:
    copper = bulk("Cu", cubic=True) * (2, 1, 1)
    copper.calc = EMT()
    walk = trajectory(copper, 0.02, 40, 0.1)
    for atoms in walk.frames[::2]:
        atoms.wrap()
    assert examine(walk).findings == []


@pytest.mark.parametrize("n_frames", [0, 1, 2, 5])
def test_few_frames(clean, n_frames) -> None:
    few = replace(
        clean,
        frames=clean.frames[:n_frames],
        energy=clean.energy[:n_frames],
        forces=clean.forces[:n_frames],
    )
    assert examine(few).findings == []


def test_structures_without_labels(clean) -> None:
    assert examine(Observations(clean.frames)).findings == []
    assert (
        examine(Observations([Atoms("He"), Atoms("H2", [[0, 0, 0], [0, 0, 0.74]])])).findings == []
    )


def test_mixed_compositions() -> None:
    rng = np.random.default_rng(0)
    frames, energy, forces = [], [], []
    for name, atom_energies in (("H2O", -2000.0), ("NH3", -1500.0), ("CH4", -1100.0)):
        start = molecule(name)
        for _ in range(20):
            atoms = start.copy()
            atoms.rattle(0.04, rng=rng)
            value, force = springs(atoms, start.get_all_distances())
            frames.append(atoms)
            energy.append(value + atom_energies)
            forces.append(force)
    mixed = Observations(frames, np.array(energy), forces, {"energy": "eV", "forces": "eV/Ang"})
    assert examine(mixed).findings == []
    (finding,) = examine(changed_energy(mixed, [7], lambda e: e[7] + 50.0)).findings
    assert "frame 7" in finding.message


def test_total_energies_tell_their_unit() -> None:
    """PBE energy of ethanol, -154.9 Ha; there are no forces."""
    estimate = total_energy_estimate(molecule("CH3CH2OH").numbers)
    assert -154.9 * units.Ha / estimate == pytest.approx(1, abs=0.04)
    in_hartree = Evidence(size=-154.9 / estimate)
    assert guess_units(in_hartree, {"energy": "eV"}) == {"energy": "Ha"}
    assert guess_units(in_hartree.after(units.Ha, 1), {"energy": "eV"}) == {}
    assert guess_units(Evidence(size=0.01), {"energy": "eV"}) == {}


def test_far_out() -> None:
    values = np.random.default_rng(0).normal(size=1000)
    assert len(far_out(values)) == 0
    values[[7, 8]] = 40.0, -45.0
    assert far_out(values).tolist() == [8, 7]
    assert far_out(values, low=False).tolist() == [7]
    assert len(far_out(np.random.default_rng(0).standard_t(2, size=300)[:9])) == 0


def test_what_the_observer_keeps() -> None:
    labels = {"energy": np.array([2.0]), "forces": np.ones((2, 3)), "dipole": np.ones((1, 3))}
    frame = Frame(molecule("H2"), labels)
    observer = Observer({"energy": "kcal/mol", "forces": "Hartree/Bohr", "dipole": "Debye"})
    assert list(observer.watch(iter([frame, frame]), "a.xyz")) == [frame, frame]
    observed = observer.observations()
    assert observed.energy == pytest.approx(2 * KCAL)
    assert observed.forces[1] == pytest.approx(units.Ha / BOHR)
    assert observed.name(1) == "1"
    small = Observer({"energy": "eV"}, limit=3)
    assert len(list(small.watch(iter([frame, frame]), "a.xyz"))) == 2 and small.full


@pytest.mark.parametrize("suffix", [".md", ".json"])
def test_report(clean, tmp_path, suffix) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / f"report{suffix}"
    check_report(path, False)
    write_report(path, examine(times(clean, forces=-1)), "ethanol.xyz")
    assert "forces have the wrong sign" in path.read_text(encoding="utf-8")
    if suffix == ".json":
        assert json.loads(path.read_text())["findings"][0]["kind"] == "sign"
    assert path.with_suffix(".png").stat().st_size > 20_000
    with pytest.raises(FileExistsError):
        check_report(path, False)
