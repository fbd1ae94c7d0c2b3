"""FieldValue: the sum over charts, its symmetries, derivatives and borders."""

import numpy as np
import pytest
import torch
from ase import Atoms
from schnetpack import properties

from schnetpack_molfield.atomistic import FieldValue
from schnetpack_molfield.atomistic.near_points import ElementDensity
from schnetpack_molfield.testing.molecules import CHIRAL, MOLECULES, molecule, rounded

CHANNELS = ["a", "b"]


@pytest.fixture(params=["atom", "molecule"])
def charts(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def model(FieldModel, dtype, charts):
    return FieldModel(FieldValue(16, CHANNELS, charts=charts), dtype, charts)


@pytest.fixture
def double(FieldModel, charts):
    return FieldModel(FieldValue(16, CHANNELS, charts=charts), torch.float64, charts)


@pytest.mark.parametrize("frame", ["projection", "soft"])
def test_exact_symmetries(FieldModel, symmetry_errors, dtype, charts, frame) -> None:
    head = FieldValue(16, CHANNELS, charts=charts, frame=frame)
    structures = [rounded(molecule(name)) for name in MOLECULES + CHIRAL]
    errors = symmetry_errors(FieldModel(head, dtype, charts), structures)
    limit = 1e-5 if dtype == torch.float32 else 1e-10
    assert max(errors.values()) <= limit, errors


def test_the_field_sees_its_molecule_and_its_points(model, points_around) -> None:
    ethanol, moved = molecule("ethanol"), molecule("rattled ethanol")
    points = points_around(ethanol)
    a, b = model([ethanol], [points]), model([moved], [points])
    assert (a - b).abs().max() > 1e-3
    assert (a.std(dim=0) > 1e-2).all()


def test_is_the_sum_over_charts(model, points_around) -> None:
    """Against the formula, with every pair of a chart and a point evaluated."""
    atoms, head = molecule("far fragments"), model.head
    points = points_around(atoms)
    inputs = model.represent(model.inputs([atoms], [points]))
    x, origins = inputs["field_points"], inputs["field_origins"]
    offsets = x - origins.unsqueeze(1)  # (n_charts, n_points, 3)
    d, harmonics = head.soft_harmonics(offsets.flatten(0, 1))
    window = torch.where(d < head.cutoff, (1 - (d / head.cutoff) ** 2) ** 3, 0.0)
    if not head.local:
        d, window = d * head.cutoff / (d + head.cutoff), torch.ones_like(d)
    radial = head.radial_functions(head.radial_basis(d)).unflatten(0, offsets.shape[:2])
    if head.surroundings is not None:
        radial = radial + head.surroundings(x, torch.zeros(len(x)).long(), inputs)
    values, _ = head.inr(
        inputs["field_features"], radial, harmonics.unflatten(0, offsets.shape[:2])
    )
    expected = (head.out(values) * window.view(*offsets.shape[:2], 1)).sum(dim=0)
    torch.testing.assert_close(head(inputs)["field"], expected)


def test_density_of_elements(dtype, points_around) -> None:
    """Against its formula, all atoms and points at once; two molecules don't see each other."""
    density = ElementDensity(6, cutoff=3.0, n_rbf=8).to(dtype)
    structures = [molecule("rattled ethanol"), molecule("H2O")]
    points = [torch.as_tensor(points_around(atoms), dtype=dtype) for atoms in structures]
    expected = []
    for atoms, x in zip(structures, points, strict=True):
        d = torch.cdist(x, torch.as_tensor(atoms.positions, dtype=dtype))
        d = torch.sqrt(d**2 + 0.01)  # (n_points, n_atoms)
        window = torch.where(d < 3.0, (1 - (d / 3.0) ** 2) ** 3, 0.0)
        radial = density.radial_functions(density.radial_basis(d))
        element = density.elements(torch.as_tensor(atoms.numbers))  # (n_atoms, 6)
        expected.append((window.unsqueeze(2) * radial * element).sum(dim=1))
    sizes = torch.tensor([len(atoms) for atoms in structures])
    inputs = {
        properties.Z: torch.cat([torch.as_tensor(a.numbers) for a in structures]),
        properties.R: torch.cat([torch.as_tensor(a.positions, dtype=dtype) for a in structures]),
        properties.idx_m: torch.repeat_interleave(torch.arange(2), sizes),
    }
    idx_m = torch.repeat_interleave(torch.arange(2), 20)
    torch.testing.assert_close(density(torch.cat(points), idx_m, inputs), torch.cat(expected))


def test_a_symmetric_molecule_has_directions(FieldModel) -> None:
    """The field of methane by one chart tells a bond from the opposite direction."""
    directions = np.array([[1.0, 1, 1], [-1, -1, -1]])
    for surroundings in (True, False):
        head = FieldValue(16, CHANNELS, charts="molecule", surroundings=surroundings)
        values = FieldModel(head, torch.float64, "molecule")([molecule("CH4")], [directions])
        assert bool((values[0] - values[1]).abs().max() > 1e-3) == surroundings


def test_batch_and_blocks_change_nothing(model, points_around) -> None:
    structures = [molecule(name) for name in ("ethanol", "He", "CO2", "aspirin")]
    points = [points_around(atoms, n) for n, atoms in zip((7, 0, 30, 1), structures, strict=True)]
    together = model(structures, points)
    alone = [model([a], [x]) for a, x in zip(structures, points, strict=True)]
    torch.testing.assert_close(together, torch.cat(alone))
    for pairs_per_block in (1, 40):
        model.head.pairs_per_block = pairs_per_block
        torch.testing.assert_close(model(structures, points), together)


def test_blocks_are_of_close_pairs() -> None:
    """Far atoms of a large molecule make blocks smaller only where they would fill the memory."""
    head = FieldValue(16, CHANNELS, cutoff=4.0, pairs_per_block=2**16)
    assert head._points_per_block(9) == 2**16 // 9
    assert head._points_per_block(1000) == 2**16 // 40
    assert head._points_per_block(10**6) == 4


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
    """Value, slope and curvature fade towards the cutoff of a lone atom."""
    model = FieldModel(FieldValue(16, CHANNELS), torch.float64)
    steps = model.head.cutoff - np.array([0.4, 0.2, 0.1, 0.05])
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


def test_unknown_charts() -> None:
    with pytest.raises(ValueError, match="did you mean 'atom'"):
        FieldValue(16, CHANNELS, charts="atoms")


def test_other_representations_are_refused(FieldModel) -> None:
    model = FieldModel(FieldValue(16, CHANNELS), torch.float64, charts="molecule")
    with pytest.raises(ValueError, match="has 1 charts, this head expects 3"):
        model([molecule("H2O")], [np.zeros((1, 3))])
    with pytest.raises(KeyError, match="need the representation MolField"):
        model.head(model.inputs([molecule("H2O")], [np.zeros((1, 3))]))
