"""A potential as one compiled graph of fixed shapes, for simulations of one system.

Energy and derivatives are traced together, by `make_fx`, as plain tensor operations, which
`torch.compile` then fuses. Shapes that change along a trajectory, those of the neighbour list, are
padded to a budget: pairs beyond every cutoff, and empty places in MolField's rows. So nothing is
compiled again because an atom has moved, unless a structure becomes denser than the budget.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import schnetpack.properties as properties
import torch
from schnetpack.model import AtomisticModel
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode

from schnetpack_molfield import properties as keys
from schnetpack_molfield.representation.atlas import AtomAtlas, find_places

__all__ = ["CompiledModel"]

#: What changes along a trajectory, beside the places of pairs; all else becomes part of the graph.
_VARIABLE = (
    properties.Z,
    properties.R,
    properties.cell,
    properties.idx_i,
    properties.idx_j,
    properties.offsets,
)
#: Places of pairs, which MolField is given.
_PLACES = (keys.place_points, keys.place_pairs, keys.place_slots)
#: Made by the model itself, or of no meaning to it.
_UNUSED = (properties.Rij, properties.idx, properties.lidx_i, properties.lidx_j)
#: What a graph may differ from the model by, relative to the largest number, in units of rounding.
_TOLERANCE = 1e3

Inputs = dict[str, Tensor]


class _OneMolecule(TorchDispatchMode):
    """Tells a trace how many molecules there are: one.

    SchNetPack reads it from the last entry of the index, and a trace has no values to read.
    """

    def __init__(self, idx_m: Tensor) -> None:
        super().__init__()
        self._idx_m = idx_m
        self._last: Tensor | None = None

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Zero for the value of the last entry; everything else takes its course."""
        if function is torch.ops.aten._local_scalar_dense.default and args[0] is self._last:
            return 0
        result = function(*args, **(kwargs or {}))
        if function is torch.ops.aten.select.int and args[0] is self._idx_m:
            self._last = result
        return result


@dataclass(frozen=True)
class Budget:
    """Sizes of a neighbour list: its pairs, and the longest row of one chart or atom."""

    n_pairs: int
    n_longest: int

    @classmethod
    def of(cls, inputs: Inputs) -> "Budget":
        """What a structure needs."""
        rows = [inputs[key] for key in (properties.idx_i, properties.idx_j)]
        longest = max(int(torch.bincount(row, minlength=1).max()) for row in rows)
        return cls(len(rows[0]), max(longest, 1))

    def holds(self, other: "Budget") -> bool:
        """Whether a structure that needs `other` fits."""
        return self.n_pairs >= other.n_pairs and self.n_longest >= other.n_longest

    def with_margin(self, n_atoms: int, periodic: bool) -> "Budget":
        """A quarter more; a molecule has no more than all pairs."""
        pairs, longest = self.n_pairs + self.n_pairs // 4 + 8, self.n_longest * 5 // 4 + 2
        if periodic:
            return Budget(pairs, longest)
        return Budget(
            min(pairs, max(n_atoms * (n_atoms - 1), 1)), min(longest, max(n_atoms - 1, 1))
        )


class CompiledModel:
    """Evaluates a potential by a compiled graph, made at the first call for each kind of system.

    Where a model can't be traced or compiled, or the graph gives other numbers, it says so in one
    warning and evaluates the model itself.

    Args:
        model: what `as_potential` has returned.
        cutoff: radius of its neighbour list, in its unit of length.
        backend: of `torch.compile`.
    """

    def __init__(self, model: AtomisticModel, cutoff: float, backend: str = "inductor") -> None:
        self.model = model
        self.cutoff = cutoff
        self.backend = backend
        self.n_compiled = 0
        self._needs_places = any(isinstance(module, AtomAtlas) for module in model.modules())
        self._outputs = sorted(model.model_outputs)
        self._graph: Callable[..., list[Tensor]] | None = None
        self._budget = Budget(0, 0)
        self._constants: Inputs = {}
        self._n_atoms = 0
        self._failed = False

    def __call__(self, inputs: Inputs) -> Inputs:
        """Outputs of the model for one structure with its neighbour list."""
        if not self._failed and not self._fits(inputs):
            self._compile(inputs)
        if self._failed or self._graph is None:
            return self.model(inputs)
        return self._evaluate(self._graph, inputs)

    def __getstate__(self) -> dict[str, Any]:
        """Without the graph, which belongs to a process: a copy makes its own."""
        return vars(self) | {"_graph": None}

    def _fits(self, inputs: Inputs) -> bool:
        """Whether the graph is one for this system, and its budget large enough."""
        constants = _constants(inputs)
        return (
            self._graph is not None
            and self._n_atoms == len(inputs[properties.Z])
            and self._budget.holds(Budget.of(inputs))
            and self._constants.keys() == constants.keys()
            and all(torch.equal(value, constants[key]) for key, value in self._constants.items())
        )

    def _compile(self, inputs: Inputs) -> None:
        self._n_atoms, self._constants = len(inputs[properties.Z]), _constants(inputs)
        periodic = bool(inputs[properties.pbc].any())
        self._budget = Budget.of(inputs).with_margin(self._n_atoms, periodic)
        try:
            traced = make_fx(self._function())(*self._arguments(inputs))
            compiled = torch.compile(traced, fullgraph=True, dynamic=False, backend=self.backend)
            rounding = torch.finfo(inputs[properties.R].dtype).eps
            found, expected = self._evaluate(compiled, inputs), self.model(dict(inputs))
            worst = _largest_error(found, expected) / rounding
            if not worst <= _TOLERANCE:
                raise ValueError(f"its numbers differ by {worst:.0e} units of rounding")
        except Exception as error:  # compilers and what they call raise anything
            reason = (str(error).splitlines() or ["no reason given"])[0]
            warnings.warn(
                f"the model can't be compiled and runs as it is ({type(error).__name__}: {reason})",
                stacklevel=2,
            )
            self._failed = True
            return
        self._graph = compiled
        self.n_compiled += 1

    def _function(self) -> Callable[..., list[Tensor]]:
        """The model as a function of the arguments in their order."""
        constants = dict(self._constants)

        def evaluate(*arguments: Tensor) -> list[Tensor]:
            inputs = constants | dict(zip(self._names(), arguments, strict=True))
            with torch.enable_grad(), _OneMolecule(constants[properties.idx_m]):
                outputs = self.model(inputs)
            return [outputs[key].detach() for key in self._outputs]

        return evaluate

    def _names(self) -> tuple[str, ...]:
        return (*_VARIABLE, *_PLACES) if self._needs_places else _VARIABLE

    def _evaluate(self, graph: Callable[..., list[Tensor]], inputs: Inputs) -> Inputs:
        with torch.no_grad():
            values = graph(*self._arguments(inputs))
        return dict(zip(self._outputs, values, strict=True))

    def _arguments(self, inputs: Inputs) -> list[Tensor]:
        """What the graph is given: the variable inputs, padded to the budget."""
        kept = (properties.Z, properties.R, properties.cell)
        arguments = {key: inputs[key].detach().clone() for key in kept}
        idx_i, idx_j = inputs[properties.idx_i], inputs[properties.idx_j]
        n_more = self._budget.n_pairs - len(idx_i)
        for key in (properties.idx_i, properties.idx_j):
            arguments[key] = torch.nn.functional.pad(inputs[key], [0, n_more])
        beyond = inputs[properties.offsets].new_full([n_more, 3], self.cutoff)  # of atom 0, itself
        arguments[properties.offsets] = torch.cat([inputs[properties.offsets], beyond])
        if self._needs_places:
            places = find_places(idx_j, idx_i, len(inputs[properties.Z]))
            arguments |= dict(zip(_PLACES, self._padded(*places, len(idx_i)), strict=True))
        return [arguments[name] for name in self._names()]

    def _padded(
        self, points: Tensor, pairs: Tensor, slots: Tensor, n_pairs: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Places with rows of the budget's length; the padding pair is the last one of the list."""
        n_longest, last = self._budget.n_longest, self._budget.n_pairs
        slots = slots + slots // points.shape[1] * (n_longest - points.shape[1])
        wide_points, wide_pairs = (
            torch.nn.functional.pad(
                torch.where(rows == n_pairs, last, rows), [0, n_longest - rows.shape[1]], value=last
            )
            for rows in (points, pairs)
        )
        return (
            wide_points,
            wide_pairs,
            torch.nn.functional.pad(slots, [0, n_longest - slots.shape[1]]),
        )


def _constants(inputs: Inputs) -> Inputs:
    return {k: v for k, v in inputs.items() if k not in (*_VARIABLE, *_UNUSED)}


def _largest_error(found: Inputs, expected: Inputs) -> float:
    """Largest difference, relative to the largest number of an output."""
    errors = [0.0]
    for key, value in expected.items():
        value = value.detach()
        if value.numel() and value.isfinite().all():
            largest = float(value.abs().max()) + torch.finfo(value.dtype).tiny
            errors.append(float((found[key] - value).abs().max()) / largest)
    return max(errors)
