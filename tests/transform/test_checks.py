"""The checks of one sample, as they stand in a data loader and in every step of a simulation."""

import pickle
import sys
import time
from collections.abc import Callable

import numpy as np
import pytest
import schnetpack as spk
import torch
from ase import Atoms
from ase.build import molecule
from schnetpack import properties
from schnetpack.transform import MatScipyNeighborList

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
    random = np.random.default_rng(0)

    def step() -> None:
        water.positions += random.normal(scale=1e-4, size=water.positions.shape)
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
    """At most 2 % of a step's time on the processor, small molecule or box.

    Time in which other programs have the core doesn't count.
    """
    step, check = simulated(n_waters)
    times = [(seconds(check), seconds(step)) for _ in range(5)]
    checks, steps = (min(column) for column in zip(*times, strict=True))
    assert checks <= 0.02 * steps


def test_number_of_operations_in_a_simulation() -> None:
    """As many for 192 atoms as for 3: nothing is done atom by atom, or pair by pair."""
    assert n_calls(simulated(1)[1]) == n_calls(simulated(64)[1])


def seconds(function: Callable[[], object]) -> float:
    """Time of this thread on the processor."""
    start = time.thread_time()
    function()
    return time.thread_time() - start


def n_calls(function: Callable[[], object]) -> int:
    """Number of functions that are called, of Python and of torch, the second time."""
    function()
    events: list[str] = []
    sys.setprofile(lambda frame, event, argument: events.append(event))
    function()
    sys.setprofile(None)
    return sum(event in ("call", "c_call") for event in events)
