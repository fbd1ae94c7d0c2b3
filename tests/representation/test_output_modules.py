"""MolField behind SchNetPack's output modules."""

from itertools import permutations

import numpy as np
import pytest
import torch
from schnetpack import properties
from schnetpack.atomistic import (
    Atomwise,
    DipoleMoment,
    Forces,
    PairwiseDistances,
    Polarizability,
    Response,
    Strain,
)
from schnetpack.model import NeuralNetworkPotential
from schnetpack.task import ModelOutput

from schnetpack_molfield.testing import molecule

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
NAMES = ("H2O", "rattled ethanol", "H", "CO2")
SIZES = (3, 9, 1, 3)

MODULES = {
    "energy": lambda: [Atomwise(n_in=16, output_key="energy")],
    "average": lambda: [Atomwise(n_in=16, output_key="average", aggregation_mode="avg")],
    "per_atom": lambda: [Atomwise(n_in=16, aggregation_mode=None, per_atom_output_key="per_atom")],
    "dipole_moment": lambda: [DipoleMoment(n_in=16, use_vector_representation=True)],
    "magnitude": lambda: [
        DipoleMoment(
            n_in=16, use_vector_representation=True, predict_magnitude=True, dipole_key="magnitude"
        )
    ],
    "polarizability": lambda: [Polarizability(n_in=16)],
    "forces": lambda: [Atomwise(n_in=16, output_key="energy"), Forces()],
}
SHAPES = {
    "energy": (4,),
    "average": (4,),
    "per_atom": (16, 1),
    "dipole_moment": (4, 3),
    "magnitude": (4,),
    "polarizability": (4, 3, 3),
    "forces": (16, 3),
}
RANK = {"dipole_moment": 1, "forces": 1, "polarizability": 2}
both_atlases = pytest.mark.parametrize("charts", ["atom", "molecule"])
every_module = pytest.mark.parametrize("key", MODULES)


def around(representation, output_modules, *input_modules):
    torch.manual_seed(1)
    return NeuralNetworkPotential(
        representation,
        input_modules=[*input_modules, PairwiseDistances()],
        output_modules=output_modules,
    ).eval()


def evaluate(model, inputs):
    return model({key: value.clone() for key, value in inputs.items()})


def turn(tensor, matrix, rank):
    tensor = tensor @ matrix.T if rank else tensor
    return matrix @ tensor if rank == 2 else tensor


@both_atlases
@every_module
def test_shapes_and_equivariance(key, charts, build, convert, dtype, orthogonal):
    matrix = orthogonal[0]
    model = around(build(dtype, charts=charts), MODULES[key]()).to(dtype)
    inputs = convert(*NAMES, dtype=torch.float64)
    rotated = inputs | {properties.R: inputs[properties.R] @ matrix.T}
    inputs, rotated = (
        {k: v.to(dtype) if v.is_floating_point() else v for k, v in x.items()}
        for x in (inputs, rotated)
    )
    expected = evaluate(model, inputs)[key]
    assert expected.shape == SHAPES[key] and expected.dtype == dtype
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(
        evaluate(model, rotated)[key],
        turn(expected, matrix.to(dtype), RANK.get(key, 0)),
        rtol=TOLERANCE[dtype],
        atol=TOLERANCE[dtype],
    )


@both_atlases
def test_a_batch_is_its_molecules(charts, build, convert):
    for key in ("energy", "dipole_moment", "polarizability"):
        model = around(build(torch.float64, charts=charts), MODULES[key]()).double()
        together = evaluate(model, convert(*NAMES, dtype=torch.float64))[key]
        alone = [evaluate(model, convert(name, dtype=torch.float64))[key] for name in NAMES]
        torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-12)


@pytest.fixture
def periodic(build):
    outputs = [Atomwise(n_in=16, output_key="energy"), Forces(calc_stress=True)]
    return around(build(torch.float64), outputs, Strain()).double()


def test_stress_turns_with_the_crystal(periodic, convert, orthogonal):
    matrix = orthogonal[0]
    box, turned = molecule("water box"), molecule("water box")
    turned.set_cell(box.cell.array @ matrix.numpy().T, scale_atoms=False)
    turned.positions = box.positions @ matrix.numpy().T
    expected = evaluate(periodic, convert(box, dtype=torch.float64))
    actual = evaluate(periodic, convert(turned, dtype=torch.float64))
    assert expected["stress"].shape == (1, 3, 3)
    assert expected["stress"].abs().max() > 1e-5
    torch.testing.assert_close(
        actual["stress"], matrix @ expected["stress"] @ matrix.T, rtol=0, atol=1e-10
    )
    torch.testing.assert_close(actual["forces"], expected["forces"] @ matrix.T, rtol=0, atol=1e-10)


def test_stress_is_the_derivative_of_the_energy(periodic, convert):
    def energy(strain):
        box = molecule("water box")
        box.set_cell(box.cell.array @ (np.eye(3) + strain), scale_atoms=True)
        return evaluate(periodic, convert(box, dtype=torch.float64))["energy"].item()

    h = 1e-4
    stress = evaluate(periodic, convert("water box", dtype=torch.float64))["stress"][0]
    for i, j in [(0, 0), (1, 2), (2, 0)]:
        strain = np.zeros((3, 3))
        strain[i, j] = strain[j, i] = h / 2 if i != j else h
        numeric = (energy(strain) - energy(-strain)) / (2 * h * molecule("water box").get_volume())
        assert stress[i, j].item() == pytest.approx(numeric, abs=1e-8)


@pytest.mark.parametrize(
    "derivatives",
    [
        lambda: Forces(calc_stress=True),
        lambda: Response(properties.energy, [properties.forces, properties.stress]),
    ],
    ids=["Forces", "Response"],
)
def test_stress_in_training_whatever_the_order_of_the_vectors(derivatives, build, convert, dtype):
    """SchNetPack's modules divide by a signed volume: its sign is up to the representation."""
    modules = [Atomwise(n_in=16, output_key="energy"), derivatives()]
    model = around(build(dtype), modules, Strain()).to(dtype).train()
    boxes = [molecule("water box") for _ in range(6)]
    for box, order in zip(boxes, permutations(range(3)), strict=True):
        box.set_cell(box.cell[list(order)])
    stress = evaluate(model, convert(*boxes, dtype=dtype))["stress"]
    assert stress[0].abs().max() > 1e-5
    torch.testing.assert_close(
        stress, stress[:1].expand(6, 3, 3), rtol=TOLERANCE[dtype], atol=1e-2 * TOLERANCE[dtype]
    )


@both_atlases
@pytest.mark.parametrize("key", ["energy", "average", "per_atom", "forces"])
def test_torchscript(key, charts, build, convert, dtype):
    """With all that SchNetPack can script: no gated block, and not without a derivative."""
    modules = MODULES["forces"]() + (MODULES[key]() if key != "forces" else [])
    model = around(build(dtype, charts=charts), modules).to(dtype)
    inputs = convert(*NAMES, dtype=dtype)
    script, expected = torch.jit.script(model), evaluate(model, inputs)[key]
    for _ in range(3):  # later calls run what the profiling executor optimised
        actual = evaluate(script, inputs)[key]
        torch.testing.assert_close(actual, expected, rtol=0, atol=TOLERANCE[dtype])


def test_stress_in_torchscript(periodic, convert):
    inputs = convert("water box", dtype=torch.float64)
    torch.testing.assert_close(
        evaluate(torch.jit.script(periodic), inputs)["stress"],
        evaluate(periodic, inputs)["stress"],
        rtol=0,
        atol=1e-12,
    )


@both_atlases
@pytest.mark.parametrize("key", ["energy", "dipole_moment", "polarizability", "forces"])
def test_training(key, charts, build, convert, fit):
    """The loss, 1 before, gets smaller."""
    model = around(build(charts=charts), MODULES[key]())
    inputs = convert(*NAMES)
    prediction = evaluate(model, inputs)[key].detach()
    weight = 1 / (0.1 * prediction).square().mean().item()
    output = ModelOutput(key, torch.nn.MSELoss(), weight, metrics={})
    loss = fit(model.train(), inputs | {key: 0.9 * prediction}, output)
    assert 0 < loss < 0.999
