"""Frames between and after those of a trajectory, by the dynamics of a potential."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator
from ase.md.verlet import VelocityVerlet

from schnetpack_molfield.progress import watched

__all__ = ["RefinedTrajectory", "refine", "timed_frames"]


@dataclass(frozen=True)
class RefinedTrajectory:
    """What `refine` returns.

    Attributes:
        frames: frames with their time in fs as `info["time"]`.
        mismatches: (n_frames - 1,) how far the dynamics from each known frame leads past the next
            one: largest distance of any atom, in Angstrom. Small if the potential is the one the
            trajectory came from, or near it, and the ensemble was that of constant energy.
    """

    frames: list[Atoms]
    mismatches: np.ndarray


def timed_frames(file: Path, frame_time: float | None = None) -> list[Atoms]:
    """Read all frames of a file, with their time in fs as `info["time"]`.

    Args:
        file: whatever ASE reads.
        frame_time: fs between frames, for files without times, as ASE's own dynamics writes them.

    Raises:
        OSError: if there is no such file.
        ValueError: if it can't be read, or there is no time in a frame and no `frame_time`.
    """
    import ase.io

    try:
        frames = list(ase.io.iread(file, index=":"))
    except OSError:
        raise
    except Exception as error:  # readers raise whatever comes up in them
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{file} can't be read as a trajectory ({reason})") from error
    for number, atoms in enumerate(frames):
        if frame_time is not None:
            atoms.info["time"] = number * frame_time
        elif "time" not in atoms.info:
            raise ValueError(f"{file}: frame {number} has no time; give the fs between frames")
    return frames


def refine(
    frames: Sequence[Atoms],
    calculator: Calculator,
    interval: float = 2.5,
    after: float = 0.0,
    time_step: float = 0.5,
) -> RefinedTrajectory:
    r"""Fill the gaps of a trajectory by Newton's equation, where no interpolation can.

    .. math:: x(t) = (1 - w(s)) \, x_+(t) + w(s) \, x_-(t), \quad
              s = \frac{t - t_k}{t_{k+1} - t_k}, \quad w(s) = s^3 (10 - 15 s + 6 s^2)

    The path :math:`x_+` follows from positions and velocities of frame k forward in time, the path
    :math:`x_-` from those of frame k + 1 backward, both by velocity Verlet at constant energy.
    Each known frame is met exactly, with its velocity.

    Args:
        frames: two or more frames with velocities and, in fs, an `info["time"]` that grows.
        calculator: the potential.
        interval: fs between the frames of the result, or a little less where it doesn't divide
            the time between known ones.
        after: fs to go on beyond the last known frame.
        time_step: longest step of the integration in fs.

    Raises:
        ValueError: for fewer than two frames; frames of different atoms, without time or
            velocities, periodic, or with times that don't grow; an interval or a time step that
            isn't positive.
    """
    _check(frames, interval, after, time_step)
    result, mismatches = [], []
    for start, end in watched(list(pairwise(frames)), "gaps"):
        duration = end.info["time"] - start.info["time"]
        n = ceil(duration / interval - 1e-9)
        forward = _follow(start, calculator, duration / n, n, time_step)
        backward = _follow(_reversed(end), calculator, duration / n, n, time_step)[::-1]
        s = np.linspace(0, 1, n + 1)[:, None, None]
        weight = s**3 * (10 - 15 * s + 6 * s**2)
        path = (1 - weight) * forward + weight * backward  # (n + 1, n_atoms, 3)
        result += _frames(start, path[:-1], duration / n)
        mismatches.append(np.linalg.norm(forward[-1] - end.positions, axis=1).max())
    last, n = frames[-1], ceil(after / interval - 1e-9)
    result += _frames(last, _follow(last, calculator, interval, n, time_step), interval)
    return RefinedTrajectory(result, np.array(mismatches))


def _check(frames: Sequence[Atoms], interval: float, after: float, time_step: float) -> None:
    if not (interval > 0 and time_step > 0 and after >= 0):
        raise ValueError(
            f"expected interval > 0, time_step > 0 and after >= 0, got {interval}, {time_step} "
            f"and {after}"
        )
    if len(frames) < 2:
        raise ValueError(f"expected at least two frames, got {len(frames)}")
    for number, atoms in enumerate(frames):
        _check_frame(number, atoms, frames[0])
    times = np.array([atoms.info["time"] for atoms in frames], dtype=float)
    if not (np.diff(times) > 0).all():
        number = int(np.argmin(np.diff(times) > 0))
        raise ValueError(
            f"times must grow: frame {number} is at {times[number]:g} fs, "
            f"frame {number + 1} at {times[number + 1]:g} fs"
        )


def _check_frame(number: int, atoms: Atoms, first: Atoms) -> None:
    if not np.array_equal(atoms.numbers, first.numbers):
        raise ValueError(f"frame {number} has other atoms than frame 0")
    if "time" not in atoms.info:
        raise ValueError(f"frame {number} has no time")
    if atoms.pbc.any():
        raise ValueError(f"frame {number} is periodic; expected a molecule in vacuum")
    if not atoms.has("momenta") or not np.isfinite(atoms.arrays["momenta"]).all():
        raise ValueError(
            f"frame {number} has no velocities, and without them the dynamics can't go on from it; "
            "ASE's *.traj keeps them, and so does *.extxyz"
        )


def _reversed(atoms: Atoms) -> Atoms:
    """The same frame with all velocities turned round."""
    turned = atoms.copy()
    turned.set_momenta(-atoms.get_momenta())
    return turned


def _follow(
    start: Atoms, calculator: Calculator, interval: float, n: int, time_step: float
) -> np.ndarray:
    """Positions (n + 1, n_atoms, 3) every `interval` fs from a frame on, which is the first."""
    atoms, steps = start.copy(), ceil(interval / time_step - 1e-9)
    atoms.calc = calculator
    dynamics = VelocityVerlet(atoms, interval / steps * units.fs)
    path = [atoms.positions.copy()]
    for _ in watched(range(n), "frames"):
        dynamics.run(steps)
        path.append(atoms.positions.copy())
    return np.array(path)


def _frames(start: Atoms, path: np.ndarray, interval: float) -> list[Atoms]:
    """Frames without velocities along a path (n, n_atoms, 3) that begins at a frame."""
    times = start.info["time"] + interval * np.arange(len(path))
    pairs = zip(path, times, strict=True)
    return [Atoms(start.numbers, x, info={"time": float(t)}) for x, t in pairs]
