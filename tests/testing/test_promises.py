"""Each promise notices the defect that it is there for; a sound model is in test_contract_painn."""

from collections.abc import Callable

import pytest
import torch
from schnetpack import properties
from schnetpack.nn import CosineCutoff, GaussianRBF, scatter_add
from schnetpack.representation import PaiNN
from torch import nn

from schnetpack_molfield.testing import PROMISES, Potential, Promise
from schnetpack_molfield.testing.paths import PATHS

Inputs = dict[str, torch.Tensor]
Q, MU = "scalar_representation", "vector_representation"
CUTOFF = 4.0


class Defective(nn.Module):
    """A sound PaiNN with a defect before or after it."""

    def __init__(
        self,
        after: Callable[[Inputs], Inputs] = dict,
        before: Callable[[Inputs], Inputs] = dict,
        cutoff_fn: nn.Module | None = None,
    ) -> None:
        super().__init__()
        cutoff_fn = cutoff_fn or CosineCutoff(CUTOFF)
        self.sound = PaiNN(16, 2, GaussianRBF(10, CUTOFF), cutoff_fn, epsilon=1e-4)
        self.n_atom_basis, self.cutoff = 16, self.sound.cutoff
        self.before, self.after = before, after

    def forward(self, inputs: Inputs) -> Inputs:
        return self.after(self.sound(self.before(inputs)))


class StepCutoff(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("cutoff", torch.tensor(CUTOFF))

    def forward(self, distances: torch.Tensor) -> torch.Tensor:
        return (distances < self.cutoff).to(distances)


class NotSaved(Defective):
    """A random buffer that the state dict does not know."""

    made = 0

    def __init__(self) -> None:
        super().__init__()
        NotSaved.made += 1
        self.register_buffer("shift", torch.tensor(float(self.made)), persistent=False)

    def forward(self, inputs: Inputs) -> Inputs:
        inputs = self.sound(inputs)
        return {**inputs, Q: inputs[Q] + self.shift}


class Forgetful(Defective):
    """A pickle loses a number."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = 2.0

    def __getstate__(self) -> dict:
        return {**self.__dict__, "gain": 1.0}

    def forward(self, inputs: Inputs) -> Inputs:
        inputs = self.sound(inputs)
        return {**inputs, Q: inputs[Q] * self.gain}


class Scripted(nn.Module):
    """Gives other numbers in TorchScript."""

    def __init__(self) -> None:
        super().__init__()
        self.sound = PaiNN(16, 2, GaussianRBF(10, CUTOFF), CosineCutoff(CUTOFF), epsilon=1e-4)
        self.n_atom_basis, self.cutoff = 16, self.sound.cutoff

    def forward(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        inputs = self.sound(inputs)
        if torch.jit.is_scripting():
            inputs["scalar_representation"] = inputs["scalar_representation"] * 1.001
        return inputs


class _WrongHessian(torch.autograd.Function):
    """x^2 whose first derivative is right and whose second is lost."""

    @staticmethod
    def forward(ctx, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x.square()

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> torch.Tensor:
        return gradient * 2 * ctx.saved_tensors[0].detach()


def plus(change: Callable[[Inputs], torch.Tensor]) -> Callable[[Inputs], Inputs]:
    """A defect that adds (n_atoms, any) to the scalar features."""
    return lambda inputs: {**inputs, Q: inputs[Q] + change(inputs)}


def per_atom(inputs: Inputs, edges: torch.Tensor) -> torch.Tensor:
    return scatter_add(edges, inputs[properties.idx_i], len(inputs[Q]))


def axis(inputs: Inputs) -> torch.Tensor:
    """Sees the x axis."""
    return per_atom(inputs, inputs[properties.Rij][:, :1].square().neg().exp())


def handed(inputs: Inputs) -> torch.Tensor:
    """A pseudo-scalar."""
    return torch.linalg.det(inputs[MU][:, :, :3]).unsqueeze(-1)


def position(inputs: Inputs) -> torch.Tensor:
    return inputs[properties.R].square().sum(-1, keepdim=True)


def numbering(inputs: Inputs) -> torch.Tensor:
    first = torch.searchsorted(inputs[properties.idx_m], inputs[properties.idx_m])  # (n_atoms,)
    return (torch.arange(len(first)) - first).to(inputs[Q]).unsqueeze(-1) * inputs[Q]


def edge_numbering(inputs: Inputs) -> torch.Tensor:
    lengths = inputs[properties.Rij].norm(dim=-1, keepdim=True)  # (n_edges, 1)
    return per_atom(inputs, lengths * torch.linspace(0, 1, len(lengths)).to(lengths)[:, None])


def unit_vectors(inputs: Inputs) -> torch.Tensor:
    """A frame that jumps where the vectors vanish."""
    first, second = inputs[MU][:, :, 0], inputs[MU][:, :, 1]  # (n_atoms, 3)
    first = first / (first.square().sum(-1, keepdim=True) + 1e-24).sqrt()
    return (first * second).sum(-1, keepdim=True) + first.sum(-1, keepdim=True).square()


def bare_norm(inputs: Inputs) -> torch.Tensor:
    """The gradient of the square root at zero."""
    return inputs[MU].square().sum(1).sqrt()


def noise(inputs: Inputs) -> torch.Tensor:
    return 1e-6 * torch.randn_like(inputs[Q])


def batch_mean(inputs: Inputs) -> torch.Tensor:
    return inputs[Q].mean(0)


def molecule_mean(inputs: Inputs) -> torch.Tensor:
    idx, n_atoms = inputs[properties.idx_m], inputs[properties.n_atoms]
    return (scatter_add(inputs[Q], idx, len(n_atoms)) / n_atoms[:, None])[idx]


def rounded(inputs: Inputs) -> Inputs:
    return {**inputs, Q: inputs[Q].to(torch.bfloat16).to(inputs[Q]), MU: inputs[MU].float()}


def constant(inputs: Inputs) -> Inputs:
    return {**inputs, Q: 0 * inputs[Q] + inputs[properties.Z][:, None]}


def pseudo_vectors(inputs: Inputs) -> Inputs:
    """Pseudo-vectors in place of vectors."""
    return {**inputs, MU: torch.linalg.cross(inputs[MU], inputs[MU].roll(1, -1), dim=1)}


def wrong_hessian(inputs: Inputs) -> torch.Tensor:
    return _WrongHessian.apply(inputs[Q])


def no_images(inputs: Inputs) -> Inputs:
    """Neighbours where they are listed, not where their image is."""
    positions = inputs[properties.R]
    edges = positions[inputs[properties.idx_j]] - positions[inputs[properties.idx_i]]
    return {**inputs, properties.Rij: edges}


def half_detached(inputs: Inputs) -> Inputs:
    edges = inputs[properties.Rij]
    return {**inputs, properties.Rij: (edges + edges.detach()) / 2}


def squeezed(inputs: Inputs) -> Inputs:
    return {**inputs, MU: inputs[MU].squeeze(0)}


def single(inputs: Inputs) -> Inputs:
    return {**inputs, MU: inputs[MU].float()}


def unstable(inputs: Inputs) -> torch.Tensor:
    """Loses single precision by cancellation."""
    return (inputs[Q] + 1e4) - 1e4


DEFECTS: dict[str, tuple[Callable[[], nn.Module], tuple[str, ...]]] = {
    "axis": (lambda: Defective(plus(axis)), ("rotation", "reflection", "point_groups")),
    "handed": (lambda: Defective(plus(handed)), ("reflection", "enantiomers")),
    "position": (lambda: Defective(plus(position)), ("translation", "momentum", "isolated_atoms")),
    "numbering": (lambda: Defective(plus(numbering)), ("atom_permutation",)),
    "edge numbering": (lambda: Defective(plus(edge_numbering)), ("edge_permutation",)),
    "pseudo-vectors": (lambda: Defective(pseudo_vectors), ("vector_equivariance",)),
    "constant": (lambda: Defective(constant), ("responds", "distinguishes_diastereomers")),
    "unit vectors": (
        lambda: Defective(plus(unit_vectors)),
        ("degenerate_limit", "bounded_forces"),
    ),
    "bare norm": (lambda: Defective(plus(bare_norm)), ("finite", "finite_training_gradients")),
    "half detached": (
        lambda: Defective(before=half_detached),
        ("finite_differences", "convergence_order", "first_derivatives", "energy_steps", "stress"),
    ),
    "wrong Hessian": (lambda: Defective(plus(wrong_hessian)), ("second_derivatives",)),
    "step cutoff": (
        lambda: Defective(cutoff_fn=StepCutoff()),
        ("nothing_beyond_the_cutoff", "energy_steps", "degenerate_limit"),
    ),
    "noise": (lambda: Defective(plus(noise)), ("repeated_calls",)),
    "batch mean": (
        lambda: Defective(plus(batch_mean)),
        ("batch_equals_single", "cross_molecule_gradient"),
    ),
    "molecule mean": (lambda: Defective(plus(molecule_mean)), ("far_fragments",)),
    "no images": (lambda: Defective(before=no_images), ("periodic_images",)),
    "batch size": (
        lambda: Defective(plus(lambda i: i[Q] * len(i[Q]) / 100)),
        ("supercell",),
    ),
    "squeezed": (lambda: Defective(squeezed), ("attributes",)),
    "single": (lambda: Defective(single), ("precision_kept",)),
    "not saved": (NotSaved, ("state_dict",)),
    "forgetful": (Forgetful, ("pickling",)),
    "script": (Scripted, ("torchscript",)),
    "sound": (lambda: Defective(), ("bad_input",)),
}
CASES = [(defect, name) for defect, (_, names) in DEFECTS.items() for name in names]


def _promise(name: str) -> Promise:
    return next(promise for promise in PROMISES if promise.name == name)


@pytest.mark.parametrize(("defect", "name"), CASES)
def test_defect_is_noticed(defect: str, name: str) -> None:
    measurement = _promise(name).measure(Potential(DEFECTS[defect][0]))
    assert measurement is not None
    assert not measurement.kept, str(measurement)


def test_cancellation_is_noticed() -> None:
    potential = Potential(lambda: Defective(plus(unstable)), torch.float32)
    measurement = _promise("single_precision").measure(potential)
    assert measurement is not None and not measurement.kept


def stiff(inputs: Inputs) -> torch.Tensor:
    """Smooth, with a Hessian of 8e4 eV/Angstrom^2 where the vectors vanish."""
    return (inputs[MU].square().sum(1) + 1e-6).log()


def test_a_stiff_potential_is_continuous() -> None:
    """Its forces change in proportion to the step, by more than the limit."""
    potential = Potential(lambda: Defective(plus(stiff)))
    steps = (0.0, 1e-10)
    ends = potential([PATHS["CH4, C leaves the centroid"](s) for s in steps]).per_molecule()
    assert (ends[1] - ends[0]).abs().max() > 1e-6
    measurement = _promise("degenerate_limit").measure(potential)
    assert measurement is not None and measurement.kept, str(measurement)


def test_every_promise_can_be_broken() -> None:
    assert {promise.name for promise in PROMISES} == {n for _, n in CASES} | {"single_precision"}
