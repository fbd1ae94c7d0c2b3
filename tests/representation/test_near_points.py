"""Pairs in tiles, and radial functions next to SchNetPack's."""

import pytest
import torch
from schnetpack.nn import GaussianRBF

from schnetpack_molfield.atomistic.near_points import close_pairs, gaussians, tiles


@pytest.mark.parametrize("sizes", [(1,), (5, 0, 130), (0, 0, 3, 700, 64, 1)])
def test_tiles_hold_every_pair_once(sizes) -> None:
    center = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    n_points = 1000
    point = torch.cat([torch.randperm(n_points)[:n] for n in sizes])
    owner, points = tiles(center, point, n_points)
    real = points < n_points  # (n_tiles, size)
    held = torch.stack([owner.unsqueeze(1).expand(points.shape)[real], points[real]])
    assert torch.equal(held, torch.stack([center, point]))
    assert real.any(dim=1).all()


def test_few_slots_of_tiles_are_empty() -> None:
    center = torch.repeat_interleave(torch.arange(20), torch.randint(50, 200, (20,)))
    _, points = tiles(center, torch.zeros_like(center), 1)
    assert points.numel() < 1.3 * len(center)


def test_gaussians_are_those_of_schnetpack(dtype) -> None:
    basis = GaussianRBF(20, 4.0).to(dtype)
    distances = torch.rand(3, 50, dtype=dtype) * 4
    values = gaussians(distances, basis.offsets, basis.widths)
    expected = basis(distances).transpose(1, 2)
    limit = 5e-6 if dtype == torch.float32 else 1e-14
    torch.testing.assert_close(values, expected, rtol=0, atol=limit)
    assert values.min() > torch.finfo(dtype).tiny


def test_pairs_end_at_the_cutoff_and_the_molecule() -> None:
    points = torch.tensor([[0.0, 0, 0], [2.0, 0, 0], [0.0, 0, 0]])
    centers = torch.tensor([[0.5, 0, 0], [0.0, 0, 0]])
    pairs = close_pairs(points, torch.tensor([0, 0, 1]), centers, torch.tensor([0, 1]), 1.0)
    assert [index.tolist() for index in pairs] == [[0, 1], [0, 2]]
