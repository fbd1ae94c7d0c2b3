"""FieldValue: a map of the molecule's function, its symmetries, derivatives and borders."""

import numpy as np
import pytest
import torch
from ase import Atoms
from schnetpack import properties

from schnetpack_molfield.atomistic import FieldValue, VectorValue
from schnetpack_molfield.nn.cutoff import SmoothCutoff
from schnetpack_molfield.testing.molecules import CHIRAL, MOLECULES, molecule, rounded

CHANNELS = ["a", "b"]


@pytest.fixture(params=["atom", "molecule"])
def charts(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def model(FieldModel, dtype, charts):
    return FieldModel(FieldValue(16, CHANNELS), dtype, charts)


@pytest.fixture
def double(FieldModel, charts):
    return FieldModel(FieldValue(16, CHANNELS), torch.float64, charts)


@pytest.mark.parametrize("frame", ["projection", "soft"])
def test_exact_symmetries(FieldModel, symmetry_errors, dtype, charts, frame) -> None:
    structures = [rounded(molecule(name)) for name in MOLECULES + CHIRAL]
    model = FieldModel(FieldValue(16, CHANNELS), dtype, charts, frame=frame)
    errors = symmetry_errors(model, structures)
    limit = 1e-5 if dtype == torch.float32 else 1e-10
    assert max(errors.values()) <= limit, errors


def test_the_field_sees_its_molecule_and_its_points(model, points_around) -> None:
    ethanol, moved = molecule("ethanol"), molecule("rattled ethanol")
    points = points_around(ethanol)
    a, b = model([ethanol], [points]), model([moved], [points])
    assert (a - b).abs().max() > 1e-3
    assert (a.std(dim=0) > 1e-2).all()


@pytest.mark.parametrize("n_hidden", [None, 0, 24])
@pytest.mark.parametrize("degree", [1, 2, 3])
def test_is_a_map_of_the_function(FieldModel, points_around, dtype, n_hidden, degree) -> None:
    """Against the formula: scalars, and a hidden layer of them and sizes of vectors, tensors."""
    atoms, head = (
        molecule("rattled ethanol"),
        FieldValue(16, CHANNELS, n_hidden=n_hidden, degree=degree),
    )
    model = FieldModel(head, dtype, degree=degree)
    inputs = model.represent(model.inputs([atoms], [points_around(atoms)]))
    read = inputs["field_values"]
    columns = [read[:, 0]]
    if n_hidden != 0:
        rows = [slice(k**2, (k + 1) ** 2) for k in range(1, degree + 1)]
        parts = zip(head.invariants.mixing, rows, strict=True)
        squares = [mixing(read[:, own]).square().sum(1) for mixing, own in parts]
        sizes = [s / torch.sqrt(s + 1) for s in squares]
        hidden = torch.cat([read[:, 0], *sizes], 1) @ head.invariants.hidden.weight.T
        columns.append(torch.nn.functional.silu(hidden * head.invariants.hidden.scale))
    expected = torch.cat(columns, dim=1) @ head.out.weight.T * head.out.scale
    torch.testing.assert_close(head(inputs)["field"], expected)


def test_has_no_function_of_its_own() -> None:
    """Nothing in it sees a point: what is zero stays so."""
    head = FieldValue(16, CHANNELS)
    assert not head.of_function(torch.zeros(5, 9, 16)).any()
    assert {name.split(".")[0] for name, _ in head.named_parameters()} == {"invariants", "out"}


def test_a_symmetric_molecule_has_directions(FieldModel) -> None:
    """The field of methane by one chart tells a bond from the opposite direction."""
    directions = np.array([[1.0, 1, 1], [-1, -1, -1]])
    model = FieldModel(FieldValue(16, CHANNELS), torch.float64, "molecule")
    values = model([molecule("CH4")], [directions])
    assert (values[0] - values[1]).abs().max() > 1e-3
    torch.nn.init.zeros_(model.representation.function.surroundings.elements.weight)
    blind = model([molecule("CH4")], [directions])
    torch.testing.assert_close(blind[0], blind[1])


def test_batch_and_blocks_change_nothing(model, points_around) -> None:
    structures = [molecule(name) for name in ("ethanol", "He", "CO2", "aspirin")]
    points = [points_around(atoms, n) for n, atoms in zip((7, 0, 30, 1), structures, strict=True)]
    together = model(structures, points)
    alone = [model([a], [x]) for a, x in zip(structures, points, strict=True)]
    torch.testing.assert_close(together, torch.cat(alone))
    for pairs_per_block in (1, 40):
        model.representation.function.pairs_per_block = pairs_per_block
        torch.testing.assert_close(model(structures, points), together)


def test_points_in_any_order_by_index(model, points_around) -> None:
    structures = [molecule("H2O"), molecule("CH4")]
    inputs = model.inputs(structures, [points_around(a) for a in structures])
    expected = model.evaluate(inputs)
    order = torch.randperm(len(expected))
    idx_m = torch.repeat_interleave(torch.arange(2), inputs.pop("field_n_points"))
    shuffled = inputs | {
        "field_points": inputs["field_points"][order],
        "field_point_idx_m": idx_m[order],
    }
    torch.testing.assert_close(model.evaluate(shuffled), expected[order])


def test_atom_charts_are_local(FieldModel, points_around, dtype) -> None:
    model = FieldModel(FieldValue(16, CHANNELS), dtype)
    a, b = molecule("H2O"), molecule("CH4")
    points = points_around(a)
    far = Atoms(b.numbers, positions=b.positions + 30.0)
    torch.testing.assert_close(model([a + far], [points]), model([a], [points]))
    assert model([a], [points + 50.0]).abs().max() == 0


@pytest.mark.parametrize("names", [("rattled ethanol",), ("CO2", "He")])
def test_derivatives_by_points_and_atoms(double, points_around, names) -> None:
    """First and second derivatives against finite differences."""
    structures = [molecule(name) for name in names]
    points = [points_around(atoms, 3) for atoms in structures]
    inputs = double.inputs(structures, points)

    def field(points: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        return double.evaluate(inputs | {"field_points": points, properties.R: positions})

    variables = [inputs[key].clone().requires_grad_() for key in ("field_points", properties.R)]
    assert torch.autograd.gradcheck(field, variables, fast_mode=True)
    assert torch.autograd.gradgradcheck(field, variables, fast_mode=True)


def test_smooth_where_a_chart_ends(FieldModel) -> None:
    """Value, slope and curvature fade towards the cutoff of a lone atom, with such a window."""
    window = SmoothCutoff(3.5)
    model = FieldModel(FieldValue(16, CHANNELS), torch.float64, field_cutoff_fn=window)
    steps = 3.5 - np.array([0.2, 0.1, 0.05, 0.025])
    values = model([Atoms("He")], [np.outer(steps, [1, 0, 0])]).abs()
    assert (values[1:] < 0.3 * values[:-1]).all()


def test_torchscript_agrees(model, points_around) -> None:
    structures = [molecule("H2O"), molecule("He"), molecule("aspirin")]
    inputs = model.represent(model.inputs(structures, [points_around(a) for a in structures]))
    scripted = torch.jit.script(model.head)
    expected = model.head(dict(inputs))["field"]
    limit = 1e-5 if expected.dtype == torch.float32 else 1e-10
    torch.testing.assert_close(scripted(dict(inputs))["field"], expected, rtol=0, atol=limit)


def test_without_points_there_are_no_values(model) -> None:
    inputs = model.converter([molecule("H2O")])
    assert model.evaluate(inputs).shape == (0, 2)
    assert model.evaluate(model.inputs([molecule("H2O")], [np.zeros((0, 3))])).shape == (0, 2)


def test_bad_points_are_refused(model, points_around) -> None:
    atoms = molecule("H2O")
    inputs = model.inputs([atoms], [points_around(atoms)])
    with pytest.raises(ValueError, match="expected \\(n_points, 3\\)"):
        model.evaluate(inputs | {"field_points": inputs["field_points"].flatten()})
    with pytest.raises(ValueError, match="20 rows, but 7 are assigned"):
        model.evaluate(inputs | {"field_n_points": torch.tensor([7])})


def test_periodic_structures_are_refused(FieldModel) -> None:
    model = FieldModel(FieldValue(16, CHANNELS), torch.float64)
    with pytest.raises(ValueError, match="periodic"):
        model([molecule("water box")], [np.zeros((1, 3))])


@pytest.mark.parametrize(
    "head", [FieldValue(16, CHANNELS), VectorValue(16)], ids=["value", "vector"]
)
def test_other_representations_are_refused(FieldModel, head) -> None:
    water, point = molecule("H2O"), np.zeros((1, 3))
    model = FieldModel(head, torch.float64, n_hidden=32)
    with pytest.raises(
        ValueError, match=r"32 channels \(n_hidden\) in 9 rows.* n_in = 16 and the 9"
    ):
        model([water], [point])
    model = FieldModel(head, torch.float64, degree=1)
    with pytest.raises(ValueError, match=r"16 channels .* in 4 rows.* the 9 rows of degree = 2"):
        model([water], [point])
    with pytest.raises(KeyError, match="need the representation MolField"):
        model.head(model.inputs([water], [point]))
