"""What every exact function of atoms promises."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from scipy.spatial.transform import Rotation

TOLERANCE = {torch.float32: 2e-4, torch.float64: 1e-10}


def test_invariant_under_rotation_reflection_translation_and_permutation(
    function, atoms, dtype, as_tensors, points_near
):
    numbers, positions = as_tensors(atoms, dtype)
    points = points_near(atoms, 50, dtype)
    orthogonal = -torch.as_tensor(Rotation.random(rng=3).as_matrix(), dtype=dtype)
    shift = torch.tensor([3.0, -2.0, 5.0], dtype=dtype)
    order = torch.randperm(len(numbers))
    before = function(points, numbers, positions)
    after = function(
        points @ orthogonal.T + shift, numbers[order], positions[order] @ orthogonal.T + shift
    )
    assert before.shape == (50, len(function.channels))
    assert before.dtype == dtype
    assert (after - before).abs().max() <= TOLERANCE[dtype] * max(1.0, before.abs().max())


def test_gradient_in_points_is_that_of_finite_differences(function, atoms, as_tensors, points_near):
    numbers, positions = as_tensors(atoms, torch.float64)
    points, step = points_near(atoms, 30, torch.float64), 1e-6
    gradient = function.gradient(points, numbers, positions)
    shifts = step * torch.eye(3, dtype=torch.float64)
    numerical = torch.stack(
        [
            (function(points + s, numbers, positions) - function(points - s, numbers, positions))
            / (2 * step)
            for s in shifts
        ],
        dim=-1,
    )
    assert gradient.shape == (30, len(function.channels), 3)
    assert gradient.abs().max() > 1e-3
    torch.testing.assert_close(gradient, numerical, rtol=1e-6, atol=1e-6)


def test_gradient_in_atom_positions_is_that_of_finite_differences(
    function, as_tensors, points_near
):
    atoms = molecule("CH3CH2OH")
    numbers, positions = as_tensors(atoms, torch.float64)
    points, direction = points_near(atoms, 30, torch.float64), torch.randn_like(positions)

    def moved(step: float) -> torch.Tensor:
        return function(points, numbers, positions + step * direction)

    positions.requires_grad_()
    (slope,) = torch.autograd.grad(function(points, numbers, positions).sum(), positions)
    numerical = (moved(1e-6) - moved(-1e-6)).sum() / 2e-6
    torch.testing.assert_close((slope * direction).sum(), numerical, rtol=1e-6, atol=1e-6)


def test_gradient_of_a_gradient_reaches_points(function, as_tensors, points_near):
    atoms = molecule("H2O")
    numbers, positions = as_tensors(atoms, torch.float64)
    points = points_near(atoms, 10, torch.float64).requires_grad_()
    gradient = function.gradient(points, numbers, positions)
    (second,) = torch.autograd.grad(gradient.square().sum(), points)
    assert torch.isfinite(second).all()
    assert second.abs().max() > 1e-8 or "sdf" in function.channels


def test_values_and_gradients_are_finite_at_the_nuclei(function, atoms, dtype, as_tensors):
    numbers, positions = as_tensors(atoms, dtype)
    assert torch.isfinite(function(positions, numbers, positions)).all()
    assert torch.isfinite(function.gradient(positions, numbers, positions)).all()


def test_batch_gives_what_single_molecules_give(function, dtype, as_tensors, points_near):
    molecules = [molecule("C6H6"), Atoms("He"), molecule("CO2"), molecule("H2O")]
    counts = [20, 5, 0, 11]  # a molecule that is not asked at all, too
    parts = [as_tensors(m, dtype) for m in molecules]
    points = [points_near(m, n, dtype) for m, n in zip(molecules, counts, strict=True)]
    singles = [function(p, *part) for p, part in zip(points, parts, strict=True) if len(p)]
    sizes = torch.tensor([len(m) for m in molecules])
    numbers, positions = (torch.cat(flat) for flat in zip(*parts, strict=True))
    indices = (
        torch.arange(4).repeat_interleave(sizes),
        torch.arange(4).repeat_interleave(torch.tensor(counts)),
    )
    batch = function(torch.cat(points), numbers, positions, *indices)
    torch.testing.assert_close(batch, torch.cat(singles), rtol=1e-6, atol=TOLERANCE[dtype])
    gradient = function.gradient(torch.cat(points), numbers, positions, *indices)
    assert gradient.shape == (36, len(function.channels), 3)


def test_other_molecules_of_a_batch_have_no_influence(function, as_tensors, points_near):
    numbers, positions = as_tensors(molecule("H2O"), torch.float64)
    far = positions.clone().requires_grad_()
    points = points_near(molecule("H2O"), 20, torch.float64)
    first, idx_m = torch.zeros(20, dtype=torch.long), torch.arange(2).repeat_interleave(3)
    values = function(
        points, torch.cat([numbers, numbers]), torch.cat([positions, far]), idx_m, first
    )
    (leak,) = torch.autograd.grad(values.sum(), far)
    assert (leak == 0).all()


def test_blocks_give_what_the_whole_gives(function, as_tensors, points_near, monkeypatch):
    atoms = molecule("CH3CH2OH")
    numbers, positions = as_tensors(atoms, torch.float64)
    points = points_near(atoms, 100, torch.float64)
    whole = function(points, numbers, positions), function.gradient(points, numbers, positions)
    monkeypatch.setattr(function, "pairs_per_block", 9 * 7)  # 7 points at a time
    blocks = function(points, numbers, positions), function.gradient(points, numbers, positions)
    torch.testing.assert_close(blocks, whole, rtol=1e-13, atol=1e-13)


def test_no_points_give_no_values(function, as_tensors):
    numbers, positions = as_tensors(molecule("H2O"), torch.float64)
    points = torch.empty(0, 3, dtype=torch.float64)
    assert function(points, numbers, positions).shape == (0, len(function.channels))
    assert function.gradient(points, numbers, positions).shape == (0, len(function.channels), 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": torch.zeros(3)}, r"points must have shape \(n_points, 3\), got \(3,\)"),
        ({"points": torch.full((2, 3), np.nan)}, "2 of 2 are not, the first is points"),
        ({"positions": torch.zeros(2, 3)}, r"positions must have shape \(3, 3\)"),
        ({"atomic_numbers": torch.zeros(0, dtype=torch.long)}, "no atoms"),
        ({"idx_m": torch.tensor([0, 1, 1])}, "there are 2 molecules: give point_idx_m"),
        ({"idx_m": torch.tensor([1, 0, 0])}, "one ascending entry per row"),
        ({"atom_values": torch.zeros(3)}, r"atom_values must have shape \(3, n_values\)"),
    ],
)
def test_bad_input_is_named(change, message):
    from schnetpack_molfield.fields import BallDistance

    good = {
        "points": torch.zeros(2, 3),
        "atomic_numbers": torch.tensor([8, 1, 1]),
        "positions": torch.eye(3),
    }
    with pytest.raises(ValueError, match=message):
        BallDistance()(**(good | change))
