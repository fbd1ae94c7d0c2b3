"""Symmetries of the network, and charts in rows."""

from collections.abc import Iterator

import pytest
import torch
from e3nn import o3
from torch import Tensor

from schnetpack_molfield.generation import ChartNetwork
from schnetpack_molfield.generation.charts import center, latents_of, read_latents, split_rows
from schnetpack_molfield.representation import ChartSizes

SIZES = ChartSizes(5, 4, 1, 2, 1)


def turned(rows: Tensor, turn: Tensor) -> Tensor:
    """Rows after a turn or reflection of space; tensors have the parity of harmonics."""
    parts = split_rows(rows, SIZES)
    numbers = [
        torch.einsum("ab,nibc->niac", o3.Irrep(order, (-1) ** order).D_from_matrix(turn), part)
        for order, part in enumerate(parts.numbers)
    ]
    return parts._replace(positions=parts.positions @ turn.T, numbers=numbers).join()


@pytest.fixture
def sets() -> Iterator[tuple[Tensor, Tensor]]:
    torch.manual_seed(0)
    previous = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    mask = torch.ones(3, 5, dtype=torch.bool)
    mask[1, 3:] = False
    rows = center(torch.randn(3, 5, sum(SIZES.parts) - 1), mask)
    yield rows, mask
    torch.set_default_dtype(previous)


@pytest.fixture
def network(sets) -> ChartNetwork:
    network = ChartNetwork(SIZES, 2, n_channels=16, n_directed=4, n_layers=2, n_heads=2)
    for block in network.blocks:
        torch.nn.init.normal_(block.modulation.weight, std=0.1)
    return network


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_turned_charts_give_turned_rows(sets, network, sign: float) -> None:
    rows, mask = sets
    turn = sign * o3.rand_matrix()
    time, condition = torch.rand(3), torch.randn(3, 2)
    expected = turned(network(rows, mask, time, condition), turn)
    found = network(turned(rows, turn), mask, time, condition)
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


def test_order_and_padding_don_t_matter(sets, network) -> None:
    rows, mask = sets
    time, condition = torch.rand(3), torch.randn(3, 2)
    output = network(rows, mask, time, condition)
    order = torch.tensor([4, 2, 0, 1, 3])
    found = network(rows[:, order], mask[:, order], time, condition)
    torch.testing.assert_close(found, output[:, order], rtol=0, atol=1e-10)
    alone = network(rows[1:2, :3], mask[1:2, :3], time[1:2], condition[1:2])
    torch.testing.assert_close(alone, output[1:2, :3], rtol=0, atol=1e-10)
    assert not output[1, 3:].any()
    assert output[0, :, :3].mean(dim=0).abs().max() < 1e-12


def test_latents_there_and_back(sets) -> None:
    rows, mask = sets
    latents = latents_of(rows, mask, SIZES)
    assert latents.shape == (3, SIZES.n_latent)
    found, found_mask = read_latents(latents, SIZES)
    torch.testing.assert_close(found, rows)
    assert torch.equal(found_mask, mask)
    with pytest.raises(ValueError, match="they are of another model"):
        read_latents(latents[:, :-1], SIZES)


def test_heads_share_the_channels() -> None:
    with pytest.raises(ValueError, match="multiples of n_heads"):
        ChartNetwork(SIZES, 2, n_channels=10, n_heads=4)
