"""Frames between known frames, by the equation of motion."""

import numpy as np
import pytest
import torch
from ase import units
from ase.build import molecule
from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF

from schnetpack_molfield.interfaces import MolFieldCalculator
from schnetpack_molfield.interfaces.newton_path import batch_forces, newton_path
from schnetpack_molfield.representation import MolField

MASSES = np.array([12.0, 1.0, 16.0])
BONDS = [(0, 1, 30.0, 1.1), (0, 2, 40.0, 1.4), (1, 2, 4.0, 2.0)]  # atoms, eV/Ang^2, Ang


def forces(r: np.ndarray) -> np.ndarray:
    """Of anharmonic springs between three atoms."""
    result = np.zeros_like(r)
    for i, j, k, length in BONDS:
        bond = r[:, j] - r[:, i]
        distance = np.linalg.norm(bond, axis=1, keepdims=True)
        stretch = distance - length
        pull = k * (stretch - 1.5 * stretch**2) * bond / distance
        result[:, i] += pull
        result[:, j] -= pull
    return result


@pytest.fixture(scope="module")
def trajectory() -> np.ndarray:
    """300 K for 200 fs, in steps of 0.1 fs: (2001, 3, 3)."""
    step = 0.1 * units.fs
    r = np.array([[0.0, 0.0, 0.0], [1.1, 0.0, 0.0], [-0.5, 1.3, 0.0]])
    spread = np.sqrt(units.kB * 300 / MASSES)[:, None]
    r0 = r + step * spread * np.random.default_rng(3).normal(size=(3, 3))
    frames = [r, r0]
    for _ in range(1999):
        a = forces(frames[-1][None])[0] / MASSES[:, None]
        frames.append(2 * frames[-1] - frames[-2] + step**2 * a)
    return np.array(frames)


def test_finds_what_happened_in_between(trajectory) -> None:
    """Known frames 40 fs apart, four periods of the fastest bond."""
    path = newton_path(trajectory[::400], MASSES, 40.0, forces, n_steps=20)
    assert path.shape == (101, 3, 3)
    np.testing.assert_allclose(path[::20], trajectory[::400], atol=1e-14)
    lines = np.concatenate(
        [np.linspace(path[k], path[k + 20], 20, endpoint=False) for k in range(0, 100, 20)]
    )
    truth = trajectory[::20]
    assert np.abs(lines - truth[:-1]).max() > 0.05
    np.testing.assert_allclose(path, truth, atol=2e-3)


def test_forces_of_a_batch_are_those_of_the_calculator() -> None:
    torch.manual_seed(0)
    model = NeuralNetworkPotential(
        MolField(16, 2, GaussianRBF(8, 3.0), CosineCutoff(3.0)),
        [PairwiseDistances()],
        [Atomwise(16, output_key="energy"), Forces()],
    )
    calculator = MolFieldCalculator(model, energy_unit="kcal/mol", dtype="float64")
    frames = [molecule("CH3CH2OH") for _ in range(3)]
    for k, atoms in enumerate(frames):
        atoms.rattle(0.1, seed=k)
        atoms.calc = calculator
    positions = np.array([atoms.positions for atoms in frames])
    batch = batch_forces(calculator, frames[0], block=2)(positions)
    np.testing.assert_allclose(batch, [atoms.get_forces() for atoms in frames], atol=1e-12)


@pytest.mark.parametrize(
    ("frames", "masses"), [(np.zeros((1, 3, 3)), MASSES), (np.zeros((4, 2, 3)), MASSES)]
)
def test_bad_shapes(frames, masses) -> None:
    with pytest.raises(ValueError, match="expected at least two frames"):
        newton_path(frames, masses, 10.0, forces)
