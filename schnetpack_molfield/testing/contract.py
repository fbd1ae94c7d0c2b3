"""The promises as a pytest class for any representation. Importing this needs pytest."""

import re
from collections.abc import Callable, Mapping, Sequence

import pytest
import torch
from torch import nn

from schnetpack_molfield.testing.potential import Potential
from schnetpack_molfield.testing.promises import PROMISES, Promise
from schnetpack_molfield.testing.validation import PRECISIONS

__all__ = ["RepresentationContract"]

_REFUSALS = (ValueError, NotImplementedError)


class RepresentationContract:
    """Subclass this in a test file and say how to build the representation; pytest does the rest.

    Every promise is measured in single and double precision (`dtypes`) on an untrained energy
    model with perturbed weights. A flag that is False turns its promises around: they have to be
    broken, by a number or by an error that names the limitation (see `refusals`), so that a
    limitation which is gone does not stay documented, and another defect isn't taken for it.

    Example::

        class TestPaiNN(RepresentationContract):
            checks_input = False

            @pytest.fixture(scope="class")
            @classmethod
            def representation(cls):
                return lambda: PaiNN(16, 2, GaussianRBF(10, 4.0), CosineCutoff(4.0))

    Attributes:
        size_extensive: atoms beyond the cutoff do not see each other, E(A + B) = E(A) + E(B).
        periodic: structures with periodic boundary conditions work, with stress.
        scriptable: `torch.jit.script` works.
        checks_input: NaN, infinite and coincident positions raise `ValueError`.
        dtypes: precisions to measure in.
        refusals: by flag, what the message of a `ValueError` or `NotImplementedError` says if the
            representation refuses what the flag is about: a regular expression.
    """

    size_extensive = True
    periodic = True
    scriptable = True
    checks_input = True
    dtypes: Sequence[torch.dtype] = PRECISIONS
    refusals: Mapping[str, str] = {"periodic": "periodic|pbc", "scriptable": "[Ss]cript"}

    @pytest.fixture(scope="class")
    @classmethod
    def representation(cls) -> Callable[[], nn.Module]:
        """Override: a function that builds a new representation, best with 16 features."""
        raise NotImplementedError("override the fixture `representation` in the subclass")

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        """Every promise in every one of the precisions."""
        if "potential" in metafunc.fixturenames:
            names = [str(dtype).removeprefix("torch.") for dtype in cls.dtypes]
            metafunc.parametrize("potential", cls.dtypes, indirect=True, ids=names, scope="class")

    @pytest.fixture(scope="class")
    @classmethod
    def potential(
        cls, request: pytest.FixtureRequest, representation: Callable[[], nn.Module]
    ) -> Potential:
        """The energy model under test, in one precision."""
        return Potential(representation, request.param)

    @pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
    def test_promise(self, potential: Potential, promise: Promise) -> None:
        """The promise is kept, or broken as documented."""
        if promise.capability is None or getattr(self, promise.capability):
            self._assert_kept(potential, promise)
        else:
            self._assert_broken(potential, promise)

    def _assert_kept(self, potential: Potential, promise: Promise) -> None:
        measurement = promise.measure(potential)
        if measurement is not None:
            assert measurement.kept, str(measurement)

    def _assert_broken(self, potential: Potential, promise: Promise) -> None:
        try:
            measurement = promise.measure(potential)
        except _REFUSALS as error:
            message = self.refusals.get(str(promise.capability))
            if message is None or not re.search(message, str(error)):
                raise
            return
        if measurement is not None:
            assert not measurement.kept, f"drop `{promise.capability} = False`: {measurement}"
