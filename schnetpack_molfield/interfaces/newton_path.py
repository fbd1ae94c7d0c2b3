"""Newton's path: how a molecule gets from one known frame of its dynamics to the next."""

from collections.abc import Callable

import numpy as np
import torch
from ase import Atoms, units
from numpy.typing import ArrayLike
from schnetpack import properties
from scipy.linalg import solveh_banded

from schnetpack_molfield.interfaces.ase import MolFieldCalculator

__all__ = ["batch_forces", "newton_path"]

#: Positions (n_frames, n_atoms, 3) in Angstrom to forces of the same shape in eV/Angstrom.
Forces = Callable[[np.ndarray], np.ndarray]
#: Intervals between known frames that are solved together; all at once converge badly.
WINDOW = 4


def newton_path(
    frames: ArrayLike,
    masses: ArrayLike,
    interval: float,
    forces: Forces,
    n_steps: int = 25,
    max_iterations: int = 20,
) -> np.ndarray:
    r"""Path through known frames that obeys the equation of motion between them.

    Frames of a trajectory are often too far apart for interpolation: 50 fs are five periods of a
    C-H bond. But in between the molecule follows Newton's equation, in Numerov's form

    .. math:: r_{n+1} - 2 r_n + r_{n-1} = \tfrac{h^2}{12} (a_{n+1} + 10\, a_n + a_{n-1})

    which, with the known frames held fixed, is solved for all frames within a few intervals at
    once, in least squares and mass-weighted coordinates, by the Levenberg-Marquardt method. It
    starts from straight lines.

    Args:
        frames: (n_known, n_atoms, 3) in Angstrom, at constant energy, without jumps.
        masses: (n_atoms,) in atomic mass units.
        interval: between known frames, in fs.
        forces: of many frames at once, see `batch_forces`; in double precision.
        n_steps: steps between two known frames. The error grows with the fourth power of the
            step; 2 fs are enough for a C-H bond.
        max_iterations: largest number of iterations; fewer if they don't gain any more.

    Returns:
        Positions ((n_known - 1) n_steps + 1, n_atoms, 3) in Angstrom, with the known frames.

    Raises:
        ValueError: if there are fewer than two frames, or shapes don't fit.
    """
    known = np.asarray(frames, dtype=float)
    root_mass = np.sqrt(np.asarray(masses, dtype=float)).repeat(3)  # (3 n_atoms,)
    if known.ndim != 3 or known.shape[0] < 2 or known.shape[1:] != (len(root_mass) // 3, 3):
        raise ValueError(
            f"frames have shape {known.shape} and there are {len(root_mass) // 3} masses, "
            "expected at least two frames (n_known, n_atoms, 3) and (n_atoms,)"
        )

    def acceleration(q: np.ndarray) -> np.ndarray:
        return forces((q / root_mass).reshape(len(q), -1, 3)).reshape(q.shape) / root_mass

    fixed = np.arange(len(known)) * n_steps
    flat = known.reshape(len(known), -1) * root_mass  # (n_known, d)
    nodes = np.arange(fixed[-1] + 1)
    q = np.stack([np.interp(nodes, fixed, x) for x in flat.T], axis=1)  # (n_nodes, d)
    starts = range(0, max(1, len(known) - 2), WINDOW)
    for first, last in zip(starts, [*starts[1:], len(known) - 1], strict=True):
        part = slice(fixed[first], fixed[last] + 1)
        held = fixed[first : last + 1] - fixed[first]
        q[part] = _solve(q[part], held, acceleration, interval / n_steps * units.fs, max_iterations)
    return (q / root_mass).reshape(len(q), -1, 3)


def batch_forces(calculator: MolFieldCalculator, atoms: Atoms, block: int = 256) -> Forces:
    """Forces of many frames of one small molecule at once, by a calculator's model.

    Args:
        calculator: in double precision: `MolFieldCalculator(model, dtype="float64")`.
        atoms: the molecule.
        block: frames that are evaluated together.
    """
    settings = calculator.settings
    numbers = torch.as_tensor(atoms.numbers)

    def evaluate(frames: np.ndarray) -> np.ndarray:
        positions = torch.as_tensor(frames / settings.length_unit, dtype=settings.dtype)
        parts = [
            calculator.model(_inputs(numbers, part, settings.cutoff))[settings.forces_key].detach()
            for part in positions.split(block)
        ]
        unit = settings.energy_unit / settings.length_unit
        return torch.cat(parts).double().numpy().reshape(frames.shape) * unit

    return evaluate


def _inputs(numbers: torch.Tensor, r: torch.Tensor, cutoff: float) -> dict[str, torch.Tensor]:
    """SchNetPack's batch of frames (n, n_atoms, 3) with all pairs inside the cutoff."""
    n, n_atoms = r.shape[:2]
    near = (torch.cdist(r, r) < cutoff) & ~torch.eye(n_atoms, dtype=torch.bool)
    frame, i, j = near.nonzero(as_tuple=True)  # (n_pairs,) each
    return {
        properties.Z: numbers.repeat(n),
        properties.R: r.flatten(0, 1).clone(),
        properties.n_atoms: torch.full((n,), n_atoms),
        properties.idx_m: torch.arange(n).repeat_interleave(n_atoms),
        properties.idx_i: frame * n_atoms + i,
        properties.idx_j: frame * n_atoms + j,
        properties.offsets: r.new_zeros(len(frame), 3),
        properties.cell: r.new_zeros(n, 3, 3),
        properties.pbc: torch.zeros(3 * n, dtype=torch.bool),
    }


def _solve(
    q: np.ndarray, fixed: np.ndarray, acceleration: Forces, h: float, max_iterations: int
) -> np.ndarray:
    """Levenberg-Marquardt iterations on mass-weighted coordinates q (n_nodes, d)."""
    c, damping = h**2 / 12, 1e-6
    residual = _residual(q, acceleration(q), c)
    for _ in range(max_iterations):
        band, gradient = _normal_equations(_hessians(q, acceleration), residual, fixed, c)
        before = (residual**2).mean()
        while damping < 1:
            damped = band.copy()
            damped[0] += damping
            trial = q - solveh_banded(damped, gradient.ravel(), lower=True).reshape(q.shape)
            changed = _residual(trial, acceleration(trial), c)
            if (changed**2).mean() < before:
                break
            damping *= 10
        else:
            return q
        q, residual, damping = trial, changed, max(damping / 10, 1e-12)
        if (residual**2).mean() > 0.9 * before:
            return q
    return q


def _residual(q: np.ndarray, a: np.ndarray, c: float) -> np.ndarray:
    """Numerov's equation at the inner nodes (n_nodes - 2, d)."""
    return q[2:] - 2 * q[1:-1] + q[:-2] - c * (a[2:] + 10 * a[1:-1] + a[:-2])


def _hessians(q: np.ndarray, acceleration: Forces, delta: float = 1e-3) -> np.ndarray:
    """Derivatives of the accelerations (n_nodes, d, d), by central differences.

    They are computed at every second node and averaged in between.
    """
    d, chosen = q.shape[1], q[::2]
    shifts = delta * np.eye(d)[:, None]  # (d, 1, d)
    ends = [(chosen + s * shifts).reshape(-1, d) for s in (1, -1)]
    plus, minus = (acceleration(x).reshape(d, len(chosen), d) for x in ends)
    hessian = ((plus - minus) / (2 * delta)).transpose(1, 2, 0)
    nodes = np.arange(len(q))
    low, high = nodes // 2, np.minimum((nodes + 1) // 2, len(chosen) - 1)
    return (hessian[low] + hessian[high]) / 2


def _normal_equations(
    hessians: np.ndarray, residual: np.ndarray, fixed: np.ndarray, c: float
) -> tuple[np.ndarray, np.ndarray]:
    """J^T J in the lower band form of LAPACK (3 d, n_nodes d), and J^T R (n_nodes, d).

    The residual at a node depends on it and its two neighbours; fixed nodes don't move.
    """
    n, d = hessians.shape[:2]
    identity = np.eye(d)
    side, centre = identity - c * hessians, -2 * identity - 10 * c * hessians
    before, after, own = side[:-2], side[2:], centre[1:-1]  # (n - 2, d, d) of every residual
    blocks = np.zeros((3, n, d, d))  # of node k with node k + 0, 1, 2
    gradient = np.zeros((n, d))
    terms = (before, own, after)
    for k, left in enumerate(terms):
        rows = slice(k, n - 2 + k)
        gradient[rows] += np.einsum("nij,ni->nj", left, residual)
        for m in range(k, 3):
            blocks[m - k, rows] += left.transpose(0, 2, 1) @ terms[m]
    moves = np.ones(n + 2, dtype=bool)
    moves[fixed] = False
    for k in range(3):
        blocks[k, ~(moves[:n] & moves[k : n + k])] = 0
    blocks[0, fixed] = identity
    gradient[fixed] = 0
    return _lower_band(blocks), gradient


def _lower_band(blocks: np.ndarray) -> np.ndarray:
    """Upper blocks (3, n, d, d) of a symmetric matrix in lower band form (3 d, n d)."""
    _, n, d, _ = blocks.shape
    band = np.zeros((3 * d, n, d))
    column, row = np.indices((d, d)).reshape(2, -1)
    for k in range(3):
        below = k * d + row - column
        keep = below >= 0
        band[below[keep], :, column[keep]] = blocks[k][:, column[keep], row[keep]].T
    return band.reshape(3 * d, n * d)
