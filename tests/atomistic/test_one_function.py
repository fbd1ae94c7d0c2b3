"""Every head asks the one function: randomise its network and all move, train any and it learns."""

import numpy as np
import pytest
import torch
from torch import nn

from schnetpack_molfield.atomistic import (
    ElectronDensity,
    FieldReadout,
    FieldValue,
    SignedDistance,
    VectorValue,
)
from schnetpack_molfield.testing.molecules import molecule

HEADS = {
    "value": lambda: FieldValue(16, ["a", "b"]),
    "linear value": lambda: FieldValue(16, ["a"], n_hidden=0),
    "vector": lambda: VectorValue(16),
    "density": lambda: ElectronDensity(16),
    "conserved density": lambda: ElectronDensity(16, conserve_electrons=True),
    "distance": lambda: SignedDistance(16),
    "readout": lambda: FieldReadout(16, n_probes=2),
}


@pytest.fixture(params=HEADS)
def head(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return HEADS[request.param]()


@pytest.fixture(params=["atom", "molecule"])
def model(request: pytest.FixtureRequest, FieldModel, head, dtype):
    return FieldModel(head, dtype, request.param, n_probes=2)


def inputs_of(model, points_around):
    structures = [molecule("H2O"), molecule("CO2")]
    return model.inputs(structures, [points_around(atoms, 8) for atoms in structures])


def test_randomising_the_last_inr_moves_every_head(model, points_around) -> None:
    inputs = inputs_of(model, points_around)
    before = model.evaluate(inputs)
    inr = model.representation.function.inr
    with torch.no_grad():
        for parameter in (*inr.frame.parameters(), *inr.hidden.parameters(), inr.bias):
            nn.init.normal_(parameter, std=0.2)
    change = (model.evaluate(inputs) - before).abs().max()
    assert change > 1e-3 * before.abs().max()


def test_losses_of_every_head_reach_the_inr(model, points_around) -> None:
    model.evaluate(inputs_of(model, points_around)).square().sum().backward()
    function = model.representation.function
    idle = [n for n, p in function.named_parameters() if p.grad is None or not p.grad.any()]
    assert not [name for name in idle if name.startswith("inr.")]
    for part in (model.representation.encoder, model.representation.embedding):
        assert any(p.grad is not None and p.grad.any() for p in part.parameters())


def test_heads_see_points_through_the_function_only(FieldModel, points_around) -> None:
    """The same F at other places is the same answer, for heads without an exact function."""
    for name in ("value", "vector"):
        model = FieldModel(HEADS[name](), torch.float64)
        written = model.represent(inputs_of(model, points_around))
        expected = model.head(dict(written))[model.head.output_key]
        moved = written | {"field_points": written["field_points"] + 1.0}
        torch.testing.assert_close(model.head(moved)[model.head.output_key], expected)


@pytest.mark.parametrize("charts", ["atom", "molecule"])
def test_asked_at_an_atom_a_head_sees_what_the_atom_read(FieldModel, charts) -> None:
    model = FieldModel(FieldValue(16, ["a", "b"]), torch.float64, charts)
    atoms = molecule("rattled ethanol")
    written = model.represent(model.inputs([atoms], [np.asarray(atoms.positions)]))
    expected = model.head.of_function(written["field_at_atoms"])
    error = (model.head(written)["field"] - expected).abs().max() / expected.abs().max()
    assert error <= 1e-12
