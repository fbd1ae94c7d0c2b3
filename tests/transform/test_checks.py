"""The checks of one sample, as they stand in a data loader and in every step of a simulation."""

import pickle
import sys
from collections.abc import Callable

import pytest
import schnetpack as spk
import torch
from ase import Atoms
from ase.build import molecule
from schnetpack import properties
from schnetpack.transform import MatScipyNeighborList
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from schnetpack_molfield.checks import did_you_mean
from schnetpack_molfield.interfaces import MolFieldCalculator
from schnetpack_molfield.transform.checks import CheckDistances, CheckStructure

Inputs = dict[str, torch.Tensor]


@pytest.fixture
def ethanol(dtype: torch.dtype) -> Inputs:
    """A sample as SchNetPack's data set hands it out."""
    atoms = molecule("CH3CH2OH", vacuum=3.0)
    return {
        properties.idx: torch.tensor([17]),
        properties.Z: torch.tensor(atoms.numbers),
        properties.R: torch.tensor(atoms.positions, dtype=dtype),
        properties.cell: torch.tensor(atoms.cell.array, dtype=dtype)[None],
        properties.pbc: torch.tensor([True, True, False]),
        "energy": torch.tensor([-1.0]),
        "forces": torch.zeros(len(atoms), 3),
    }


def test_good_sample_passes_unchanged(ethanol: Inputs) -> None:
    before = {key: value.clone() for key, value in ethanol.items()}
    check = CheckStructure(elements=["H", 6, "O"], required=["energy", "forces"])
    result = CheckDistances()(MatScipyNeighborList(4.0)(check(ethanol)))
    assert all(torch.equal(result[key], value) for key, value in before.items())


@pytest.mark.parametrize(
    ("lacking", "expected"), [((2,), (2,)), ((0,), (0,)), ((1, 2), (1, 2)), ((), ())]
)
def test_slabs_and_wires_get_the_vectors_they_lack(ethanol: Inputs, lacking, expected) -> None:
    """Perpendicular and of length 1; and the neighbour list is that of a wide box."""
    cell = torch.tensor([[6.0, 0.5, 0.0], [0.0, 7.0, 1.0], [0.3, 0.0, 8.0]]).to(
        ethanol[properties.R]
    )
    wide = cell.clone()
    pbc = torch.ones(3, dtype=torch.bool)
    for row in lacking:
        cell[row], pbc[row] = 0.0, False
    ethanol |= {properties.cell: cell[None], properties.pbc: pbc}
    whole = CheckStructure()(ethanol)[properties.cell][0]
    for row in range(3):
        if row in expected:
            torch.testing.assert_close(whole[row].norm(), torch.ones((), dtype=cell.dtype))
            others = [k for k in range(3) if k != row]
            assert (whole[others] @ whole[row]).abs().max() < 1e-6
        else:
            assert torch.equal(whole[row], wide[row])
    pairs = MatScipyNeighborList(4.0)(dict(ethanol))
    far = dict(ethanol)
    far[properties.cell] = torch.where(pbc[:, None], whole, 60 * whole)[None]
    expected_pairs = MatScipyNeighborList(4.0)(far)
    assert len(pairs[properties.idx_i]) == len(expected_pairs[properties.idx_i])


def test_a_periodic_direction_needs_its_vector(ethanol: Inputs) -> None:
    ethanol[properties.cell][0, 0] = 0.0
    with pytest.raises(ValueError, match="spans no volume"):
        CheckStructure()(ethanol)


def test_checks_reach_the_workers_of_a_loader(ethanol: Inputs) -> None:
    check = pickle.loads(pickle.dumps(CheckStructure(["C", "H"])))
    with pytest.raises(ValueError, match="doesn't know O; it was trained on H, C"):
        check(ethanol)


@pytest.mark.parametrize("key", [properties.Z, properties.R, "energy"])
def test_missing_key(ethanol: Inputs, key: str) -> None:
    del ethanol[key]
    with pytest.raises(KeyError, match=f"no '{key}'"):
        CheckStructure(required=["energy"])(ethanol)


def test_target_with_a_typo(ethanol: Inputs) -> None:
    with pytest.raises(KeyError, match="did you mean 'forces'"):
        CheckStructure(required=["force"])(ethanol)


def test_no_neighbour_list(ethanol: Inputs) -> None:
    with pytest.raises(KeyError, match="neighbour list"):
        CheckDistances()(ethanol)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("key", [properties.R, properties.cell, "forces", "energy"])
def test_not_finite(ethanol: Inputs, key: str, bad: float) -> None:
    ethanol[key].view(-1)[-1] = bad
    with pytest.raises(ValueError, match=f"'{key}' is NaN or infinite .* sample 17"):
        CheckStructure(required=["energy", "forces"])(ethanol)


def test_targets_that_are_not_asked_for_may_be_missing(ethanol: Inputs) -> None:
    """NaN is how archives mark a label that isn't available."""
    ethanol["forces"][0] = float("nan")
    CheckStructure(required=["energy"])(ethanol)


def test_wrong_dtypes(ethanol: Inputs) -> None:
    for key, value in (
        (properties.Z, ethanol[properties.Z].float()),
        (properties.R, ethanol[properties.R].long()),
        (properties.cell, ethanol[properties.cell].half()),
    ):
        with pytest.raises(TypeError, match=f"'{key}' has dtype"):
            CheckStructure()(ethanol | {key: value})


@pytest.mark.parametrize("shape", [(9, 2), (8, 3), (27,)])
def test_wrong_shape(ethanol: Inputs, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=rf"has shape \({shape[0]}"):
        CheckStructure()(ethanol | {properties.R: torch.zeros(shape)})


def test_atom_on_its_own_image(ethanol: Inputs) -> None:
    check, neighbors = CheckDistances(), MatScipyNeighborList(4.0)
    R, cell = ethanol[properties.R], ethanol[properties.cell][0]
    R[4] = R[2] + cell[0] + 5e-4
    with pytest.raises(ValueError, match="atoms 2 and 4 are closer than 0.001 of sample 17"):
        check(neighbors(ethanol))
    R[4] += 1e-2
    check(neighbors(ethanol))


def test_tiny_but_proper_cell(ethanol: Inputs) -> None:
    """Volume is judged against the length of the vectors, not against one cubic Angstrom."""
    ethanol[properties.cell] *= 1e-3
    CheckStructure()(ethanol)


def test_suggestions() -> None:
    assert did_you_mean("cuttoff", ["cutoff", "dtype"]) == "did you mean 'cutoff'?"
    assert did_you_mean("EV", ["eV"]) == "did you mean 'eV'?"
    assert did_you_mean("xyz", ["b", "a"]) == "there is a, b"


class Cost(TorchDispatchMode):
    """Number of operations of torch, and of bytes that they write, while it is on."""

    def __init__(self) -> None:
        super().__init__()
        self.n_operations = self.n_bytes = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        self.n_operations += 1
        self.n_bytes += sum(x.nbytes for x in tree_leaves(result) if isinstance(x, torch.Tensor))
        return result


def cost(function: Callable[[], object]) -> Cost:
    """What a call costs, the second time."""
    function()
    with Cost() as measured:
        function()
    return measured


def simulated(n_waters: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """One step of a simulation of water by PaiNN of its usual size, and the checks in that step."""
    side = round(n_waters ** (1 / 3))
    water = Atoms("OH2", [[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]], cell=[3.1] * 3, pbc=True)
    water = water.repeat(side)
    model = spk.model.NeuralNetworkPotential(
        spk.representation.PaiNN(128, 3, spk.nn.GaussianRBF(20, 5.0), spk.nn.CosineCutoff(5.0)),
        input_modules=[spk.atomistic.PairwiseDistances()],
        output_modules=[spk.atomistic.Atomwise(128, output_key="energy")],
    )
    water.calc = MolFieldCalculator(model, energy_unit="eV")

    def step() -> None:
        water.positions += 1e-4
        water.get_forces()

    converter = water.calc.converter
    inputs = converter(water)
    sample = {key: inputs[key] for key in inputs if not key.endswith("_local")}
    structure, distances = (
        t for t in converter.transforms if isinstance(t, CheckStructure | CheckDistances)
    )
    return step, lambda: distances(structure(sample))


@pytest.mark.parametrize("n_waters", [1, 64])
def test_cost_in_a_simulation(n_waters: int) -> None:
    """Few and small operations next to those of a step, for a small molecule and for a box.

    They are counted because a time depends on what else runs; on one core they took 0.9 % and
    0.1 % of the time of a step.
    """
    step, check = (cost(function) for function in simulated(n_waters))
    assert 0 < check.n_operations <= 0.06 * step.n_operations
    assert 0 < check.n_bytes <= 2e-4 * step.n_bytes


def test_cost_grows_with_the_number_of_neighbours() -> None:
    """Nothing is done atom by atom in Python, or for all pairs of atoms."""
    small, large = simulated(27)[1], simulated(216)[1]
    assert n_calls(small) == n_calls(large)
    assert cost(large).n_bytes == pytest.approx(8 * cost(small).n_bytes, rel=0.05)


def n_calls(function: Callable[[], object]) -> int:
    """Number of functions that are called, of Python and of torch, the second time."""
    function()
    events: list[str] = []
    sys.setprofile(lambda frame, event, argument: events.append(event))
    function()
    sys.setprofile(None)
    return sum(event in ("call", "c_call") for event in events)
