"""A trajectory is refined to the one that a finer record of the same dynamics would have been."""

import ase.io
import numpy as np
import pytest
from ase import Atoms, units
from ase.build import molecule
from ase.calculators.emt import EMT
from ase.md.verlet import VelocityVerlet

from schnetpack_molfield.datasets.refined_trajectory import refine, timed_frames

STEP = 0.5  # fs


@pytest.fixture(scope="module")
def truth() -> list[Atoms]:
    """Ethanol for 100 fs, every 2.5 fs, by a potential that needs no model."""
    atoms = molecule("CH3CH2OH")
    rng = np.random.default_rng(0)
    atoms.calc = EMT()
    atoms.set_momenta(rng.normal(scale=0.1, size=(9, 3)) * np.sqrt(atoms.get_masses())[:, None])
    dynamics, frames = VelocityVerlet(atoms, STEP * units.fs), []

    def record() -> None:
        info = {"time": 100 + dynamics.nsteps * STEP}
        frames.append(Atoms(atoms.numbers, atoms.positions, momenta=atoms.get_momenta(), info=info))

    dynamics.attach(record, interval=5)
    dynamics.run(200)
    return frames


def deviation(frames: list[Atoms], truth: list[Atoms]) -> float:
    pairs = zip(frames, truth, strict=True)
    return max(float(np.abs(a.positions - b.positions).max()) for a, b in pairs)


def sharpest_bend(frames: list[Atoms]) -> float:
    path = np.array([atoms.positions for atoms in frames])
    return float(np.abs(np.diff(path, n=2, axis=0)).max())


def test_frames_between_are_those_of_the_dynamics(truth) -> None:
    """Every tenth frame and the potential give all others, also after the last one."""
    known = truth[:31:10]
    refined = refine(known, EMT(), interval=2.5, after=25.0, time_step=STEP)
    times = [atoms.info["time"] for atoms in refined.frames]
    assert times == pytest.approx([atoms.info["time"] for atoms in truth])
    assert deviation(refined.frames, truth) < 1e-6
    assert refined.mismatches.shape == (3,) and refined.mismatches.max() < 1e-6
    still = [atoms.copy() for atoms in known]
    assert np.abs(still[0].positions - still[1].positions).max() > 0.05  # it does move


def test_known_frames_are_met_by_any_potential(truth) -> None:
    """Another potential leads elsewhere in between, but smoothly back to the known frames."""
    known = truth[::10]
    refined = refine(known, Softer(), interval=2.5)
    assert deviation(refined.frames[::10], known) < 1e-12
    assert refined.mismatches.min() > 0.01
    between = deviation(refined.frames, truth)
    assert 1e-3 < between < refined.mismatches.max()
    assert sharpest_bend(refined.frames) < 1.5 * sharpest_bend(truth)


def test_an_interval_that_does_not_divide_the_gaps(truth) -> None:
    refined = refine(truth[:21:10], EMT(), interval=7.0, after=10.0)
    times = np.array([atoms.info["time"] for atoms in refined.frames])
    np.testing.assert_allclose(times[:9], 100 + 6.25 * np.arange(9))
    np.testing.assert_allclose(times[9:], [157, 164])


class Softer(EMT):
    """A potential of four fifths of the forces."""

    def calculate(self, *arguments, **options) -> None:
        super().calculate(*arguments, **options)
        self.results["forces"] = 0.8 * self.results["forces"]


def still(time: float | None = None, **options) -> Atoms:
    info = {} if time is None else {"time": time}
    atoms = Atoms("N2", [[0, 0, 0], [0, 0, 1.1]], info=info, **options)
    atoms.set_momenta(np.zeros((2, 3)))
    return atoms


def without_velocities() -> Atoms:
    atoms = still(1.0)
    del atoms.arrays["momenta"]
    return atoms


@pytest.mark.parametrize(
    ("frames", "options", "message"),
    [
        ([still(0.0)], {}, "at least two frames, got 1"),
        ([still(0.0), still()], {}, "frame 1 has no time"),
        ([still(0.0), still(0.0)], {}, "times must grow: frame 0 is at 0 fs, frame 1 at 0 fs"),
        ([still(0.0), Atoms("O2", info={"time": 1.0})], {}, "frame 1 has other atoms"),
        ([still(0.0), without_velocities()], {}, "frame 1 has no velocities"),
        ([still(0.0, pbc=True, cell=[9] * 3)], {}, "at least two frames"),
        ([still(0.0), still(1.0, pbc=True, cell=[9] * 3)], {}, "frame 1 is periodic"),
        ([still(0.0), still(1.0)], {"interval": 0.0}, "expected interval > 0"),
        ([still(0.0), still(1.0)], {"after": -1.0}, "after >= 0"),
    ],
)
def test_bad_input_in_one_line(frames, options, message) -> None:
    with pytest.raises(ValueError, match=message) as error:
        refine(frames, EMT(), **options)
    assert "\n" not in str(error.value)


def test_times_of_frames_without_any(truth, tmp_path) -> None:
    bare = [Atoms(atoms.numbers, atoms.positions, momenta=atoms.get_momenta()) for atoms in truth]
    ase.io.write(tmp_path / "md.traj", bare)
    frames = timed_frames(tmp_path / "md.traj", 2.5)
    assert frames[3].info["time"] == 7.5 and frames[3].has("momenta")
    with pytest.raises(ValueError, match=r"md.traj: frame 0 has no time"):
        timed_frames(tmp_path / "md.traj")
