"""SchNetPack batch to PyG and back: nothing lost, nothing changed, and PyG's own loader works."""

from collections.abc import Callable

import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from schnetpack import properties
from schnetpack.data import AtomsLoader
from schnetpack.transform import CollectAtomTriples, MatScipyNeighborList
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader

from schnetpack_molfield.interfaces import from_pyg, to_pyg

CUTOFF = 4.0
MIXED = [
    molecule("H2O"),
    Atoms("He", [[0.0, 0.0, 0.0]]),
    molecule("CH4"),
    bulk("NaCl", "rocksalt", 5.6, cubic=True),
    Atoms("H2", [[0.0, 0.0, 0.0], [0.0, 0.0, 30.0]]),
]


def structure(atoms: Atoms, dtype: torch.dtype, index: int) -> dict[str, torch.Tensor]:
    """As SchNetPack's data set hands it out, with targets of every kind."""
    return {
        properties.idx: torch.tensor([index]),
        properties.n_atoms: torch.tensor([len(atoms)]),
        properties.Z: torch.tensor(atoms.numbers),
        properties.R: torch.tensor(atoms.positions, dtype=dtype),
        properties.cell: torch.tensor(atoms.cell.array, dtype=dtype)[None],
        properties.pbc: torch.tensor(atoms.pbc),
        "energy": torch.randn(1, dtype=torch.float64),
        "forces": torch.randn(len(atoms), 3, dtype=dtype),
        "dipole_moment": torch.randn(1, 3, dtype=dtype),
        "refractive_index": torch.randn(1, dtype=dtype),
    }


def collate(
    molecules: list[Atoms], dtype: torch.dtype, *transforms: torch.nn.Module
) -> dict[str, torch.Tensor]:
    samples = [structure(atoms, dtype, index) for index, atoms in enumerate(molecules)]
    for transform in (MatScipyNeighborList(CUTOFF), *transforms):
        samples = [transform(sample) for sample in samples]
    return next(iter(AtomsLoader(samples, batch_size=len(samples))))


def assert_same(result: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert result.keys() == expected.keys()
    for key, value in expected.items():
        assert result[key].dtype == value.dtype, key
        assert torch.equal(result[key], value), key


def rebatch(batch: Batch) -> Batch:
    return next(iter(DataLoader(batch.to_data_list(), batch_size=batch.num_graphs)))


@pytest.mark.parametrize("through", [lambda batch: batch, rebatch], ids=["batch", "rebatched"])
def test_round_trip(dtype: torch.dtype, through: Callable[[Batch], Batch]) -> None:
    inputs = collate(MIXED, dtype)
    assert_same(from_pyg(through(to_pyg(inputs))), inputs)


def test_round_trip_of_triples(dtype: torch.dtype) -> None:
    molecules = [molecule("H2O"), molecule("CH4"), molecule("C6H6")]
    inputs = collate(molecules, dtype, CollectAtomTriples())
    assert_same(from_pyg(rebatch(to_pyg(inputs))), inputs)


def test_round_trip_without_pairs(dtype: torch.dtype) -> None:
    inputs = collate([MIXED[1], MIXED[1]], dtype)
    assert_same(from_pyg(to_pyg(inputs)), inputs)


def test_single_graphs(dtype: torch.dtype) -> None:
    """A molecule taken out of the batch counts its atoms from zero."""
    graphs = to_pyg(collate(MIXED, dtype)).to_data_list()
    for atoms, graph in zip(MIXED, graphs, strict=True):
        assert graph.num_nodes == len(atoms)
        j, i = graph.edge_index
        distance = (graph.pos[j] - graph.pos[i] + graph.edge_offset).norm(dim=1)
        assert (distance <= CUTOFF + 1e-4).all()
    assert graphs[3].num_edges > 0


def test_any_order_of_graphs(dtype: torch.dtype) -> None:
    graphs = to_pyg(collate(MIXED, dtype)).to_data_list()
    inputs = from_pyg(Batch.from_data_list(graphs[::-1]))
    expected = collate(MIXED[::-1], dtype)
    for key in (properties.R, properties.idx_i, properties.idx_j, properties.offsets):
        assert torch.equal(inputs[key], expected[key]), key


def test_graphs_of_a_pyg_user(
    dtype: torch.dtype, make_model: Callable[..., torch.nn.Module]
) -> None:
    """Graphs of z and pos, with bonds as edges: the neighbour list is built, the model runs."""
    molecules = [molecule("H2O"), molecule("CH4")]
    graphs = [
        Data(
            z=torch.tensor(atoms.numbers),
            pos=torch.tensor(atoms.positions, dtype=dtype),
            edge_index=torch.tensor([[0], [1]]),
            edge_attr=torch.ones(1, 4),
            name="a molecule",
        )
        for atoms in molecules
    ]
    inputs = from_pyg(Batch.from_data_list(graphs), cutoff=CUTOFF)
    expected = collate(molecules, dtype)
    model = make_model(dtype=dtype)
    assert torch.equal(inputs[properties.idx_j], expected[properties.idx_j])
    assert torch.equal(model(inputs)["energy"], model(expected)["energy"])


def test_crystals_of_a_pyg_user(dtype: torch.dtype) -> None:
    expected = collate(MIXED, dtype)
    graphs = to_pyg(expected).to_data_list()
    bare = [Data(z=g.z, pos=g.pos, cell=g.cell, pbc=g.pbc) for g in graphs]
    inputs = from_pyg(Batch.from_data_list(bare), cutoff=CUTOFF)
    assert torch.equal(inputs[properties.offsets], expected[properties.offsets])


def test_bonds_are_no_neighbour_list() -> None:
    graph = Data(z=torch.tensor([1, 1]), pos=torch.eye(3)[:2], edge_index=torch.tensor([[0], [1]]))
    with pytest.raises(KeyError, match="may be bonds"):
        from_pyg(Batch.from_data_list([graph]))


def test_missing_positions() -> None:
    graph = Data(z=torch.tensor([1, 1]), num_nodes=2)
    with pytest.raises(KeyError, match="'pos'"):
        from_pyg(Batch.from_data_list([graph]), cutoff=CUTOFF)


def test_sample_that_was_not_collated() -> None:
    with pytest.raises(KeyError, match="AtomsLoader"):
        to_pyg(structure(MIXED[0], torch.float32, 0))


def test_rows_that_match_nothing() -> None:
    inputs = collate(MIXED[:3], torch.float32)
    inputs["odd"] = torch.zeros(7)
    with pytest.raises(ValueError, match="'odd' has 7 rows"):
        to_pyg(inputs)


def test_pairs_in_disorder() -> None:
    inputs = collate(MIXED[:3], torch.float32)
    for key in (properties.idx_i, properties.idx_j):
        inputs[key] = inputs[key].flip(0)
    with pytest.raises(ValueError, match="grouped by molecule"):
        to_pyg(inputs)
