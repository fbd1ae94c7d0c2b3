"""Peaks of functions, found from seeds: places and heights that are known."""

import pytest
import torch

from schnetpack_molfield.fields.peaks import find_peaks

TOLERANCE = {torch.float32: 2e-3, torch.float64: 2e-3}


def bumps(centers, widths, heights, owners, channels, n_channels=2):
    """Sum of Gaussians, one per centre, in the channel and the molecule of each."""

    def evaluate(points, idx_m):
        square = torch.cdist(points, centers).square()  # (n_points, n_bumps)
        values = heights * torch.exp(-square / (2 * widths**2)) * (idx_m[:, None] == owners)
        return values @ torch.nn.functional.one_hot(channels, n_channels).to(values)

    return evaluate


def grid(n_molecules, dtype, spacing=0.4, reach=2.0):
    ticks = torch.arange(-reach, reach + 1e-6, spacing, dtype=dtype)
    points = torch.cartesian_prod(ticks, ticks, ticks)
    idx_m = torch.arange(n_molecules).repeat_interleave(len(points))
    return points.repeat(n_molecules, 1), idx_m


def test_bumps_of_two_molecules(dtype):
    centers = torch.tensor([[0.11, 0.2, -0.3], [1.2, 0.2, -0.3], [-1.03, 0.5, 0.9]], dtype=dtype)
    owners, channels = torch.tensor([0, 0, 2]), torch.tensor([0, 1, 0])
    heights = torch.tensor([2.0, 3.0, 1.0], dtype=dtype)
    widths = torch.tensor([0.3, 0.35, 0.25], dtype=dtype)
    function = bumps(centers, widths, heights, owners, channels)
    peaks = find_peaks(function, *grid(3, dtype))
    order = torch.argsort(peaks.idx_m * 2 + peaks.channels)
    torch.testing.assert_close(peaks.positions[order], centers, rtol=0, atol=TOLERANCE[dtype])
    torch.testing.assert_close(peaks.values[order], heights, rtol=1e-4, atol=0)
    assert peaks.channels[order].tolist() == [0, 1, 0]
    assert peaks.idx_m[order].tolist() == [0, 0, 2]


@pytest.mark.parametrize("width", [0.12, 0.2, 0.6, 1.0])
def test_other_widths(width, dtype):
    """The first step is for bumps of 0.35 Angstrom; others need some more."""
    center = torch.tensor([[0.13, -0.07, 0.05]], dtype=dtype)
    one = torch.ones(1, dtype=dtype)
    zero = torch.zeros(1, dtype=torch.long)
    function = bumps(center, width * one, one, zero, zero)
    peaks = find_peaks(function, *grid(1, dtype, 0.2 if width < 0.2 else 0.4))
    torch.testing.assert_close(peaks.positions, center, rtol=0, atol=2e-3)


def test_the_higher_of_two_elements_at_one_place():
    centers = torch.tensor([[0.0, 0, 0], [0.1, 0, 0]])
    function = bumps(
        centers, torch.tensor(0.3), torch.tensor([1.0, 0.8]), torch.zeros(2), torch.arange(2)
    )
    peaks = find_peaks(function, *grid(1, torch.float32))
    assert peaks.channels.tolist() == [0]
    separate = find_peaks(function, *grid(1, torch.float32), separation=0.05)
    assert sorted(separate.channels.tolist()) == [0, 1]


def test_level():
    """Half of the highest of its molecule unless one is given; low ripples don't count."""
    centers = torch.tensor([[-1.5, 0, 0], [1.5, 0, 0], [0.0, 0, 0]])
    heights, owners = torch.tensor([1.0, 0.4, 1e-3]), torch.tensor([0, 0, 1])
    zeros = torch.zeros(3, dtype=torch.long)
    function = bumps(centers, torch.tensor(0.3), heights, owners, zeros)
    seeds = grid(2, torch.float32)
    assert find_peaks(function, *seeds).idx_m.tolist() == [0, 1]
    assert find_peaks(function, *seeds, level=0.3).idx_m.tolist() == [0, 0]
    assert len(find_peaks(function, *seeds, level=2.0).values) == 0


def test_nothing_to_find():
    def flat(points, idx_m):
        return points[:, :1] * 0 - 1.0

    peaks = find_peaks(flat, *grid(2, torch.float32))
    assert peaks.positions.shape == (0, 3) and len(peaks.idx_m) == 0
    none = torch.zeros(0, 3), torch.zeros(0, dtype=torch.long)
    assert len(find_peaks(flat, *none).values) == 0
