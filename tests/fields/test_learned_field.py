"""MolecularField.from_model: what a trained model says about a molecule, anywhere in space."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from schnetpack.atomistic import Atomwise, PairwiseDistances
from schnetpack.interfaces import AtomsConverter
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.transform import ASENeighborList

from schnetpack_molfield import MolecularField
from schnetpack_molfield.atomistic import ElectronDensity, FieldValue
from schnetpack_molfield.representation import MolField
from schnetpack_molfield.testing.potential import perturb

Model = NeuralNetworkPotential


@pytest.fixture
def make_model() -> Callable[..., Model]:
    """An energy model with two heads for fields."""

    def make(dtype: torch.dtype = torch.float64) -> Model:
        torch.manual_seed(0)
        model = NeuralNetworkPotential(
            MolField(16, 2, GaussianRBF(10, 4.0), CosineCutoff(4.0)),
            input_modules=[PairwiseDistances()],
            output_modules=[
                FieldValue(16, ["H", "C"], output_key="functions"),
                Atomwise(16, output_key="energy"),
                ElectronDensity(16),
            ],
        )
        perturb(model, 1)
        return model.to(dtype)

    return make


def test_is_what_the_model_says(make_model, dtype) -> None:
    model, atoms = make_model(dtype), molecule("CH3CH2OH")
    points = torch.randn(50, 3, dtype=dtype)
    inputs = AtomsConverter(ASENeighborList(4.0), dtype=dtype)([atoms])
    results = model(inputs | {"field_points": points, "field_n_points": torch.tensor([50])})
    field = MolecularField.from_model(model, atoms)
    assert field.channels == ["H", "C", "electron_density"]
    assert field.units == {"H": "", "C": "", "electron_density": "e/Ang^3"}
    assert field.dtype == dtype
    expected = torch.cat([results["functions"], results["electron_density"]], dim=1)
    torch.testing.assert_close(field(points), expected)
    assert not field(points).requires_grad


def test_the_users_model_stays_as_it_is(make_model) -> None:
    model = make_model(torch.float32).train()
    field = MolecularField.from_model(model, molecule("H2O"), dtype=torch.float64)
    assert field(np.zeros((1, 3))).dtype == torch.float64
    assert model.training and next(model.parameters()).dtype == torch.float32
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_from_a_file(make_model, tmp_path) -> None:
    model, atoms = make_model(), molecule("H2O")
    torch.save(model, tmp_path / "best_model")
    points = np.random.default_rng(0).normal(size=(10, 3))
    expected = MolecularField.from_model(model, atoms)(points)
    for path in (tmp_path, tmp_path / "best_model"):
        torch.testing.assert_close(MolecularField.from_model(path, atoms)(points), expected)


@pytest.mark.parametrize("atoms", [molecule("CH3CH2OH"), Atoms("He")], ids=["ethanol", "He"])
def test_moves_with_the_molecule(make_model, atoms) -> None:
    """field(Rx + t; RX + t) = field(x; X) on a grid, with gradients and Laplacian."""
    model, rng = make_model(), np.random.default_rng(1)
    turn, shift = np.linalg.qr(rng.normal(size=(3, 3)))[0], np.array([3.0, -40.0, 7.0])
    moved = Atoms(atoms.numbers, positions=atoms.positions @ turn.T + shift)
    here, there = (MolecularField.from_model(model, a) for a in (atoms, moved))
    points = rng.normal(scale=2.0, size=(40, 3))
    images = points @ turn.T + shift
    exact = {"rtol": 1e-10, "atol": 1e-10}
    torch.testing.assert_close(there(images), here(points), **exact)
    turned = here.gradient(points) @ torch.as_tensor(turn.T)
    torch.testing.assert_close(there.gradient(images), turned, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(
        there.laplacian(images), here.laplacian(points), rtol=1e-6, atol=1e-6
    )


def test_gradient_by_finite_differences(make_model) -> None:
    field = MolecularField.from_model(make_model(), molecule("H2O"))
    points, step = np.random.default_rng(2).normal(size=(8, 3)), 1e-5 * np.eye(3)
    slope = field.gradient(points)  # (8, 3, 3)
    for axis in range(3):
        difference = (field(points + step[axis]) - field(points - step[axis])) / 2e-5
        torch.testing.assert_close(slope[..., axis], difference, rtol=1e-6, atol=1e-6)


def test_channels_of_the_same_name(make_model) -> None:
    model = make_model()
    model.output_modules.append(FieldValue(16, ["C"], output_key="other"))
    field = MolecularField.from_model(model, molecule("H2O"))
    assert field.channels == ["H", "functions.C", "electron_density", "other.C"]


def test_a_model_without_a_field(make_model) -> None:
    model = make_model()
    model.output_modules = torch.nn.ModuleList([model.output_modules[1]])
    model.collect_outputs()
    with pytest.raises(ValueError, match="no field to ask, it predicts energy"):
        MolecularField.from_model(model, molecule("H2O"))


def test_units_and_elements_of_the_record(make_model) -> None:
    model = make_model()
    model.molfield_record = {"distance_unit": "Bohr"}
    with pytest.raises(ValueError, match="this model is in Bohr"):
        MolecularField.from_model(model, molecule("H2O"))
    model.molfield_record = {"distance_unit": "Ang", "elements": ["C", "H"]}
    with pytest.raises(ValueError, match="doesn't know O"):
        MolecularField.from_model(model, molecule("H2O"))


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        (Atoms(), "no atoms"),
        (Atoms("H", positions=[[np.nan, 0, 0]]), "atom 0 \\(H\\)"),
        (Atoms("H", cell=[5, 5, 5], pbc=True), "periodic"),
        (Atoms("HH"), "closer than 0.001"),
    ],
)
def test_bad_structures(make_model, atoms, message) -> None:
    with pytest.raises(ValueError, match=message):
        MolecularField.from_model(make_model(), atoms)


def test_a_function_of_atoms_knows_no_time(make_model) -> None:
    with pytest.raises(ValueError, match="it knows no time"):
        MolecularField.from_model(make_model(), molecule("H2O"), time=1.0)
    with pytest.raises(ValueError, match="give the molecule"):
        MolecularField.from_model(make_model())


def test_many_points_in_blocks(make_model, monkeypatch) -> None:
    monkeypatch.setattr("schnetpack_molfield.fields.learned_field.PAIRS_PER_BLOCK", 30)
    points = np.random.default_rng(3).normal(size=(35, 3))
    field = MolecularField.from_model(make_model(), molecule("H2O"))
    assert field.block_size == 10
    monkeypatch.undo()
    torch.testing.assert_close(
        field(points), MolecularField.from_model(make_model(), molecule("H2O"))(points)
    )


def test_times_far_outside_the_trained_ones_are_refused() -> None:
    from schnetpack_molfield.atomistic import LearnedDistance
    from schnetpack_molfield.representation import TrajectoryAtlas

    atlas = TrajectoryAtlas(2, n_knots=6, n_atom_basis=16)
    atlas.begin(np.arange(11.0), np.random.default_rng(0).normal(size=(20, 3)))
    head = LearnedDistance(16)
    model = NeuralNetworkPotential(atlas, output_modules=[head])
    for time in (-1.5, 5.3, 11.5):
        assert torch.isfinite(MolecularField.from_model(model, time=time)([[0, 0, 0.0]])).all()
    for time in (-3.0, 13.0, 1e6):
        with pytest.raises(ValueError, match="known from time 0 to 10"):
            MolecularField.from_model(model, time=time)
    for time in (float("inf"), float("nan")):
        with pytest.raises(ValueError, match="finite"):
            MolecularField.from_model(model, time=time)
