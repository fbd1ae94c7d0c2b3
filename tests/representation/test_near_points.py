"""Pairs of points and charts, and pairs in tiles."""

import pytest
import torch

from schnetpack_molfield.representation.near_points import Pairs, close_pairs, tiles


def pairs_of(center: torch.Tensor, point: torch.Tensor) -> Pairs:
    """With the count of each point's pairs, as `close_pairs` makes them."""
    nth = [int((point[:k] == p).sum()) for k, p in enumerate(point)]
    return Pairs(center, point, torch.tensor(nth, dtype=torch.long))


@pytest.mark.parametrize("sizes", [(1,), (5, 0, 130), (0, 0, 3, 700, 64, 1)])
def test_tiles_hold_every_pair_once(sizes) -> None:
    center = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    n_points = 1000
    point = torch.cat([torch.randperm(n_points)[:n] for n in sizes])
    tile = tiles(pairs_of(center, point), n_points)
    real = tile.point < n_points  # (n_tiles, size)
    held = torch.stack([tile.center.unsqueeze(1).expand(real.shape)[real], tile.point[real]])
    assert torch.equal(held, torch.stack([center, point]))
    assert real.any(dim=1).all()


def test_points_find_their_pairs_in_the_tiles() -> None:
    """All of them, each once, and nothing else."""
    sizes = torch.tensor([0, 40, 3, 200, 17])
    center = torch.repeat_interleave(torch.arange(5), sizes)
    point = torch.cat([torch.randperm(250)[:n] for n in sizes.tolist()])
    tile = tiles(pairs_of(center, point), 250)
    owners = tile.center.unsqueeze(1).expand(tile.point.shape).flatten()
    for number, (slots, real) in enumerate(zip(tile.slots, tile.real, strict=True)):
        assert (tile.point.flatten()[slots[real]] == number).all()
        assert owners[slots[real]].tolist() == center[point == number].tolist()


def test_few_slots_of_tiles_are_empty() -> None:
    center = torch.repeat_interleave(torch.arange(20), torch.randint(50, 200, (20,)))
    point = torch.arange(len(center))
    tile = tiles(Pairs(center, point, torch.zeros_like(point)), len(point))
    assert tile.point.numel() < 1.3 * len(center)


def test_pairs_end_at_the_cutoff_and_the_molecule() -> None:
    points = torch.tensor([[0.0, 0, 0], [2.0, 0, 0], [0.0, 0, 0]])
    centers = torch.tensor([[0.5, 0, 0], [0.0, 0, 0]])
    pairs = close_pairs(points, torch.tensor([0, 0, 1]), centers, torch.tensor([0, 1]), 1.0)
    assert [index.tolist() for index in pairs] == [[0, 1], [0, 2], [0, 0]]


def test_pairs_of_a_point_are_counted() -> None:
    points, centers = torch.rand(30, 3), torch.rand(20, 3)
    pairs = close_pairs(points, torch.zeros(30).long(), centers, torch.zeros(20).long(), 0.5)
    close = torch.cdist(centers, points) < 0.5
    assert torch.equal(torch.stack([pairs.center, pairs.point]), close.nonzero().T)
    assert torch.equal(pairs.nth, pairs_of(pairs.center, pairs.point).nth)
