"""A small MolField and molecules with points around them, for heads that evaluate fields."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from ase import Atoms
from schnetpack.atomistic import PairwiseDistances
from schnetpack.interfaces import AtomsConverter
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.transform import ASENeighborList
from torch import nn

from schnetpack_molfield.atomistic import ElectronQuadrature
from schnetpack_molfield.representation import MolField
from schnetpack_molfield.testing.potential import perturb

Inputs = dict[str, torch.Tensor]
CUTOFF = 4.0


class FieldModel:
    """MolField, perturbed, with a head behind it; asked for molecules and points."""

    def __init__(
        self, head: nn.Module, dtype: torch.dtype, charts: str = "atom", **options: object
    ) -> None:
        basis, cutoff_fn = GaussianRBF(10, CUTOFF), CosineCutoff(CUTOFF)
        torch.manual_seed(0)
        self.representation = MolField(16, 2, basis, cutoff_fn, charts=charts, **options)
        self.head = head
        self.quadrature = ElectronQuadrature() if getattr(head, "conserve_electrons", 0) else None
        perturb(self.representation, 1)
        perturb(head, 2)
        for module in (self.representation, head):
            module.to(dtype).eval()
        self.converter = AtomsConverter(ASENeighborList(CUTOFF), dtype=dtype)
        self.dtype = dtype

    def inputs(self, structures: Sequence[Atoms], points: Sequence[np.ndarray]) -> Inputs:
        """Batch with the points, not yet represented."""
        inputs = self.converter(list(structures))
        inputs["field_points"] = torch.as_tensor(np.concatenate(points), dtype=self.dtype)
        inputs["field_n_points"] = torch.tensor([len(x) for x in points])
        return inputs

    def represent(self, inputs: Inputs) -> Inputs:
        inputs = PairwiseDistances()(dict(inputs))
        return self.representation(self.quadrature(inputs) if self.quadrature else inputs)

    def evaluate(self, inputs: Inputs) -> torch.Tensor:
        return self.head(self.represent(inputs))[self.head.output_key]

    def __call__(self, structures: Sequence[Atoms], points: Sequence[np.ndarray]) -> torch.Tensor:
        """Values (n_points, n_channels) at all points, without a graph."""
        return self.evaluate(self.inputs(structures, points)).detach()


def points_around(atoms: Atoms, n: int = 20, seed: int = 3) -> np.ndarray:
    """Points (n, 3) inside and around a molecule, on the same binary grid as `rounded` atoms."""
    rng = np.random.default_rng(seed)
    centers = atoms.positions[rng.integers(len(atoms), size=n)]
    return np.round((centers + rng.normal(scale=1.5, size=(n, 3))) * 2**16) / 2**16


def symmetry_errors(model: FieldModel, structures: list[Atoms]) -> dict[str, float]:
    """Largest change under each symmetry, relative to the largest value of the field."""
    points = [points_around(atoms) for atoms in structures]
    expected = model(structures, points)
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    shift = np.array([33.125, -44.25, 5.75])
    moves = {"rotation": (turn, 0.0), "reflection": (-turn, 0.0), "translation": (np.eye(3), shift)}
    answers = {
        name: model(
            [Atoms(a.numbers, positions=a.positions @ matrix.T + t) for a in structures],
            [x @ matrix.T + t for x in points],
        )
        for name, (matrix, t) in moves.items()
    }
    answers["permutation"] = model([a[rng.permutation(len(a))] for a in structures], points)
    return {
        name: float((answer - expected).abs().max() / expected.abs().max())
        for name, answer in answers.items()
    }


@pytest.fixture(name="FieldModel")
def _field_model() -> type[FieldModel]:
    return FieldModel


@pytest.fixture(name="points_around")
def _points_around():
    return points_around


@pytest.fixture(name="symmetry_errors")
def _symmetry_errors():
    return symmetry_errors
