"""How the contract treats limitations, and the same without pytest."""

import pytest
import torch
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.representation import PaiNN

from schnetpack_molfield.testing import (
    PROMISES,
    Potential,
    Promise,
    RepresentationContract,
    molecule,
    validate_representation,
)
from schnetpack_molfield.testing.tolerances import Tolerance

CUTOFF = 4.0


def painn() -> PaiNN:
    return PaiNN(16, 1, GaussianRBF(10, CUTOFF), CosineCutoff(CUTOFF), epsilon=1e-4)


class Limited(RepresentationContract):
    periodic = False
    size_extensive = False


@pytest.fixture(scope="module")
def potential() -> Potential:
    return Potential(painn)


def _promise(error: float, capability: str | None = "periodic") -> Promise:
    return Promise(lambda potential: {"H": 0.0, "He": error}, Tolerance(None, 1e-3), capability)


def test_broken_promise_names_the_worst_case(potential: Potential) -> None:
    with pytest.raises(AssertionError, match=r"BROKEN.*5.00e-01 \(limit 1e-03\) worst for He"):
        RepresentationContract().test_promise(potential, _promise(0.5))


def test_nan_breaks_a_promise(potential: Potential) -> None:
    with pytest.raises(AssertionError, match="BROKEN"):
        RepresentationContract().test_promise(potential, _promise(float("nan")))


def test_documented_limitation_has_to_be_real(potential: Potential) -> None:
    Limited().test_promise(potential, _promise(0.5))
    with pytest.raises(AssertionError, match="drop `periodic = False`"):
        Limited().test_promise(potential, _promise(0.0))
    with pytest.raises(AssertionError, match="BROKEN"):
        Limited().test_promise(potential, _promise(0.5, capability=None))


def _refusal(error: Exception, capability: str = "periodic") -> Promise:
    def refuse(potential: Potential) -> dict[str, float]:
        raise error

    return Promise(refuse, Tolerance(0.0, 0.0), capability)


@pytest.mark.parametrize("kind", [ValueError, NotImplementedError])
def test_refusal_is_a_limitation(potential: Potential, kind: type[Exception]) -> None:
    Limited().test_promise(potential, _refusal(kind("no periodic boundary conditions")))


def test_refusal_in_words_of_its_own(potential: Potential) -> None:
    class Crystals(Limited):
        refusals = {"periodic": "no crystals"}

    Crystals().test_promise(potential, _refusal(ValueError("no crystals, please")))
    with pytest.raises(ValueError, match="periodic"):
        Crystals().test_promise(potential, _refusal(ValueError("periodic")))


@pytest.mark.parametrize(
    ("error", "capability"),
    [
        (ValueError("too many values to unpack (expected 3)"), "periodic"),
        (NotImplementedError("'inverse' not implemented for 'Half'"), "periodic"),
        (ValueError("periodic"), "size_extensive"),
    ],
)
def test_another_error_is_no_limitation(
    potential: Potential, error: Exception, capability: str
) -> None:
    with pytest.raises(type(error)) as raised:
        Limited().test_promise(potential, _refusal(error, capability))
    assert raised.value is error


def test_weights_are_the_same_in_both_precisions() -> None:
    single, double = Potential(painn, torch.float32), Potential(painn, torch.float64)
    pairs = zip(single.model.parameters(), double.model.parameters(), strict=True)
    assert all(torch.equal(a.double(), b) for a, b in pairs)


def test_forces_have_unit_size(dtype: torch.dtype) -> None:
    forces = Potential(painn, dtype)([molecule("rattled ethanol")]).forces
    assert float(forces.square().mean().sqrt()) == pytest.approx(1.0, abs=1e-5)


def test_evaluation_leaves_the_inputs_alone(potential: Potential) -> None:
    inputs = potential.inputs([molecule("H2O")])
    before = set(inputs)
    potential.evaluate(inputs)
    assert set(inputs) == before
    assert not any(value.requires_grad for value in inputs.values())


def test_validation_leaves_the_representation_alone() -> None:
    representation = painn()
    before = {key: value.clone() for key, value in representation.state_dict().items()}
    without = ["checks_input", "periodic", "size_extensive", "scriptable"]
    measurements = validate_representation(
        representation, without, randomise=True, dtypes=[torch.float32]
    )
    assert all(torch.equal(before[k], v) for k, v in representation.state_dict().items())
    assert {m.promise for m in measurements} == {
        p.name for p in PROMISES if not p.capability and p.tolerance.float32 is not None
    }


def test_unknown_capability() -> None:
    with pytest.raises(ValueError, match=r"unknown capability \['periodicity'\].*periodic"):
        validate_representation(painn(), without=["periodicity"])
