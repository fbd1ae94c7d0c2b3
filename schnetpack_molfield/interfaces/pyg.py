"""A SchNetPack batch as a `torch_geometric.data.Batch`, and back, exactly.

======================  =======================  ================================================
SchNetPack              PyG                      shape
======================  =======================  ================================================
`_atomic_numbers`       `z`                      (n_atoms,)
`_positions`            `pos`                    (n_atoms, 3)
`_cell`                 `cell`                   (n_molecules, 3, 3)
`_pbc`                  `pbc`                    (n_molecules * 3,) or (n_molecules, 3)
`_idx_j`, `_idx_i`      `edge_index`             (2, n_edges), from the neighbour j to the atom i
`_offsets`              `edge_offset`            (n_edges, 3)
`_idx_m`                `batch`                  (n_atoms,)
`_n_atoms`              differences of `ptr`     (n_molecules,)
anything else           the same name            rows per atom, per edge or per molecule
======================  =======================  ================================================
"""

import torch
from schnetpack import properties
from schnetpack.data import AtomsLoader
from schnetpack.transform import MatScipyNeighborList
from torch_geometric.data import Batch, Data

__all__ = ["AtomsGraph", "from_pyg", "to_pyg"]

Inputs = dict[str, torch.Tensor]

_NAMES = {
    properties.Z: "z",
    properties.R: "pos",
    properties.cell: "cell",
    properties.pbc: "pbc",
    properties.offsets: "edge_offset",
}
_SPK_NAMES = {name: key for key, name in _NAMES.items()}
_DERIVED = {properties.idx_m, properties.n_atoms, properties.idx_i, properties.idx_j}
_ATOM_KEYS = {properties.Z, properties.R}
_EDGE_KEYS = {properties.offsets, properties.Rij, properties.lidx_i, properties.lidx_j}
_PAIR_TRIPLES = {properties.idx_j_triples, properties.idx_k_triples}
_TRIPLE_KEYS = {properties.idx_i_triples, properties.idx_i_triples + "_local", *_PAIR_TRIPLES}


class AtomsGraph(Data):
    """One molecule of a SchNetPack batch; PyG's loaders batch it with the right index shifts."""

    def __cat_dim__(self, key: str, value: object, *args: object, **kwargs: object) -> int:
        """Concatenate along rows, whatever a property is called; edges along columns."""
        return 1 if key == "edge_index" else 0

    def __inc__(self, key: str, value: object, *args: object, **kwargs: object) -> int:
        """Shift indices of atoms and of edges, and nothing else."""
        if key in ("edge_index", properties.idx_i_triples):
            return self.num_nodes
        return self.num_edges if key in _PAIR_TRIPLES else 0


def to_pyg(inputs: Inputs) -> Batch:
    """Convert a SchNetPack batch.

    Args:
        inputs: what SchNetPack's loader yields, targets included.

    Returns:
        A batch of `AtomsGraph`, which `to_data_list` takes apart into molecules.

    Raises:
        KeyError: atomic numbers, positions or the index of molecules are missing.
        ValueError: pairs aren't grouped by molecule, or the rows of a property match neither
            atoms nor edges nor molecules.
    """
    for key in (properties.Z, properties.R, properties.idx_m, properties.n_atoms):
        if key not in inputs:
            raise KeyError(
                f"no {key!r} in the input; give a batch from schnetpack.data.AtomsLoader"
            )
    sizes = _Sizes(inputs)
    columns = {
        _NAMES.get(key, key): sizes.split(key, value)
        for key, value in inputs.items()
        if key not in _DERIVED
    }
    if properties.idx_i in inputs:
        columns["edge_index"] = sizes.split_edge_index(inputs)
    graphs = [AtomsGraph() for _ in sizes.atoms]
    for name, parts in columns.items():
        for graph, part in zip(graphs, parts, strict=True):
            graph[name] = part
    return Batch.from_data_list(graphs)


def from_pyg(batch: Batch, cutoff: float | None = None) -> Inputs:
    """Convert a PyG batch to the input of a SchNetPack model.

    Args:
        batch: from `to_pyg`, or from PyG's own loader over graphs with `z`, `pos` and,
            for crystals, `cell` and `pbc`.
        cutoff: build the neighbour list with this radius, in the unit of `pos`. None takes
            `edge_index` and `edge_offset` as they are.

    Raises:
        KeyError: `z`, `pos` or, without a cutoff, the neighbour list is missing.
    """
    for name in ("z", "pos", "batch"):
        if batch.get(name) is None:
            raise KeyError(f"no {name!r} in the graph; a molecule needs z (n,) and pos (n, 3)")
    if cutoff is not None:
        return _with_neighbors(batch, cutoff)
    if batch.get("edge_index") is None or batch.get("edge_offset") is None:
        raise KeyError(
            "no neighbour list ('edge_index' with 'edge_offset') in the graph; edges alone may "
            "be bonds, so give cutoff=... to build the list"
        )
    n_atoms = batch.ptr.diff()  # (n_molecules,)
    shift = torch.repeat_interleave(batch.ptr[:-1], _graph_edges(batch))  # (n_edges,)
    idx_j, idx_i = batch.edge_index
    inputs = {
        properties.n_atoms: n_atoms,
        properties.idx_m: batch.batch,
        properties.idx_i: idx_i,
        properties.idx_j: idx_j,
        properties.lidx_i: idx_i - shift,
        properties.lidx_j: idx_j - shift,
    }
    return inputs | _remaining(batch, n_atoms)


def _graph_edges(batch: Batch) -> torch.Tensor:
    """Number of edges per molecule, (n_molecules,)."""
    return torch.bincount(batch.batch[batch.edge_index[1]], minlength=batch.num_graphs)


def _remaining(graph: Data, n_atoms: torch.Tensor) -> Inputs:
    """All tensors but the indices, under SchNetPack's names; an open cell where there is none."""
    skipped = {"edge_index", "batch", "ptr"}
    inputs = {
        _SPK_NAMES.get(name, name): value
        for name, value in graph.to_dict().items()
        if name not in skipped and isinstance(value, torch.Tensor)
    }
    cell = graph.pos.new_zeros(len(n_atoms), 3, 3)
    inputs.setdefault(properties.cell, cell)
    inputs.setdefault(properties.pbc, cell.new_zeros(len(n_atoms), 3, dtype=torch.bool))
    return inputs


def _with_neighbors(batch: Batch, cutoff: float) -> Inputs:
    """Give every molecule a neighbour list, as SchNetPack's data set does, and collate."""
    neighbor_list = MatScipyNeighborList(cutoff)
    samples = []
    for index, graph in enumerate(batch.to_data_list()):
        n_atoms = torch.tensor([graph.num_nodes])
        sample = _remaining(graph, n_atoms)
        sample = {key: value for key, value in sample.items() if not key.startswith("edge_")}
        sample |= {properties.n_atoms: n_atoms, properties.idx: torch.tensor([index])}
        samples.append(neighbor_list(sample))
    return next(iter(AtomsLoader(samples, batch_size=len(samples))))


class _Sizes:
    """How many rows of each kind every molecule of a batch has."""

    def __init__(self, inputs: Inputs) -> None:
        self.n_atoms = inputs[properties.n_atoms]  # (n_molecules,)
        self.atoms = self.n_atoms.tolist()
        idx_m = inputs[properties.idx_m]
        idx_i = inputs.get(properties.idx_i, idx_m[:0])  # (n_edges,)
        self.edges = self._per_molecule(idx_m[idx_i], "pairs")
        triples = inputs.get(properties.idx_i_triples, idx_m[:0])  # (n_triples,)
        self.triples = self._per_molecule(idx_m[triples], "triples")
        self.first_edge = torch.tensor(self.edges).cumsum(0) - torch.tensor(self.edges)

    def _per_molecule(self, molecule: torch.Tensor, what: str) -> list[int]:
        if (molecule.diff() < 0).any():
            raise ValueError(f"the {what} of a batch have to be grouped by molecule")
        return torch.bincount(molecule, minlength=len(self.atoms)).tolist()

    def split(self, key: str, value: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Split the rows of a property by molecule, indices counted from the molecule's first."""
        if key in _TRIPLE_KEYS:
            return self._split_triples(key, value)
        rows, n_molecules = len(value), len(self.atoms)
        if key in _EDGE_KEYS:
            return value.split(self.edges)
        if key in _ATOM_KEYS or rows == sum(self.atoms) and key != properties.pbc:
            return value.split(self.atoms)
        if rows % n_molecules == 0:
            return value.split(rows // n_molecules)
        if rows == sum(self.edges):
            return value.split(self.edges)
        raise ValueError(
            f"{key!r} has {rows} rows, which match neither the {sum(self.atoms)} atoms nor the "
            f"{sum(self.edges)} pairs nor the {n_molecules} molecules of the batch"
        )

    def split_edge_index(self, inputs: Inputs) -> tuple[torch.Tensor, ...]:
        """Return (2, n_edges) per molecule, from j to i."""
        edge_index = torch.stack((inputs[properties.idx_j], inputs[properties.idx_i]))
        shift = (self.n_atoms.cumsum(0) - self.n_atoms)[inputs[properties.idx_m]]  # (n_atoms,)
        return (edge_index - shift[inputs[properties.idx_i]]).split(self.edges, dim=1)

    def _split_triples(self, key: str, value: torch.Tensor) -> tuple[torch.Tensor, ...]:
        first_atom = self.n_atoms.cumsum(0) - self.n_atoms  # (n_molecules,)
        first = {properties.idx_i_triples: first_atom}
        first |= dict.fromkeys(_PAIR_TRIPLES, self.first_edge.to(value.device))
        if key in first:
            counts = torch.tensor(self.triples, device=value.device)
            value = value - first[key].repeat_interleave(counts)
        return value.split(self.triples)
