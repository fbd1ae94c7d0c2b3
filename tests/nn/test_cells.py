"""Right-handed cells: the same lattice, by vectors with a positive triple product."""

from itertools import permutations

import pytest
import torch
from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances, Strain
from schnetpack.interfaces import AtomsConverter
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.representation import PaiNN
from schnetpack.transform import ASENeighborList

from schnetpack_molfield.nn import (
    ElementPairs,
    LearnedRadialEncoding,
    RightHandedCell,
    right_handed,
)
from schnetpack_molfield.testing import molecule

CUTOFF = 4.0


def test_volumes_are_positive_and_lattices_stay(dtype):
    cell = torch.tensor([[3.1, 0.2, 0.0], [0.4, 2.5, 0.2], [0.2, 0.0, 4.0]], dtype=dtype)
    orders = list(permutations(range(3)))
    cells = torch.stack([cell[list(order)] for order in orders])  # (6, 3, 3)
    turned = right_handed(cells)
    torch.testing.assert_close(torch.linalg.det(turned), torch.linalg.det(cell).expand(6))
    signs = turned / cells.where(cells != 0, torch.ones(()))
    for sign, volume in zip(signs, torch.linalg.det(cells), strict=True):
        assert sign[sign != 0].unique().tolist() == [1.0 if volume > 0 else -1.0]


@pytest.mark.parametrize("n_vectors", [0, 1, 2])
def test_zero_vectors_stay(n_vectors):
    cells = torch.eye(3)[None] * (torch.arange(3) < n_vectors)
    assert torch.equal(right_handed(cells), cells)


@pytest.mark.parametrize(
    ("representation", "input_modules"),
    [
        (
            lambda: ElementPairs(
                "schnetpack.representation.PaiNN",
                LearnedRadialEncoding(8, CUTOFF, pair_rank=2),
                n_atom_basis=16,
                n_interactions=2,
                cutoff_fn=CosineCutoff(CUTOFF),
            ),
            [],
        ),
        (
            lambda: PaiNN(16, 2, GaussianRBF(8, CUTOFF), CosineCutoff(CUTOFF)),
            [RightHandedCell()],
        ),
    ],
    ids=["ElementPairs", "PaiNN"],
)
def test_stress_around_other_representations(representation, input_modules):
    model = NeuralNetworkPotential(
        representation(),
        input_modules=[Strain(), *input_modules, PairwiseDistances()],
        output_modules=[Atomwise(16, output_key="energy"), Forces(calc_stress=True)],
    ).double()
    boxes = [molecule("water box") for _ in range(6)]
    for box, order in zip(boxes, permutations(range(3)), strict=True):
        box.set_cell(box.cell[list(order)])
    convert = AtomsConverter(ASENeighborList(CUTOFF), dtype=torch.float64)
    stress = model(convert(boxes))["stress"]
    assert stress[0].abs().max() > 1e-5
    torch.testing.assert_close(stress, stress[:1].expand(6, 3, 3), rtol=0, atol=1e-12)
