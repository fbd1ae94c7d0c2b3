"""Query points and their targets, sample by sample and as a batch."""

import pytest
import torch
from ase import Atoms
from ase.build import molecule
from schnetpack import properties
from schnetpack.data import ASEAtomsData, AtomsLoader

from schnetpack_molfield.fields import PromoleculeDensity, VectorFunction, molecular_surface
from schnetpack_molfield.train import RelativeL1
from schnetpack_molfield.transform import FieldPoints, GivenPoints, GridPoints
from schnetpack_molfield.transform.sampling import (
    box_weights,
    by_gradient,
    in_box,
    near_atoms,
    near_surface,
)

Inputs = dict[str, torch.Tensor]
FUNCTION = VectorFunction(["H", "C", "O"])


def sample(atoms: Atoms, dtype: torch.dtype = torch.float64, index: int = 0) -> Inputs:
    return {
        properties.idx: torch.tensor([index]),
        properties.Z: torch.tensor(atoms.numbers),
        properties.R: torch.tensor(atoms.positions, dtype=dtype),
    }


def test_targets_are_the_function_at_the_points(dtype) -> None:
    atoms = molecule("CH3CH2OH")
    draw = FieldPoints(FUNCTION, "f", "df", 30, 20, 10, 5)
    result = draw(sample(atoms, dtype))
    points = result["field_points"]
    assert points.shape == (65, 3) and points.dtype == dtype
    assert result["field_n_points"].tolist() == [65]
    field = FUNCTION.of(atoms, dtype=dtype)
    torch.testing.assert_close(result["f"], field(points))
    torch.testing.assert_close(result["df"], field.gradient(points))


def test_a_lone_atom_has_points_too() -> None:
    result = FieldPoints(VectorFunction(["He"]), n_near_surface=10, n_by_gradient=10)(
        sample(Atoms("He"))
    )
    assert result["field_points"].shape == (404, 3)
    assert result["field_points"].isfinite().all()


def test_points_near_atoms_and_in_the_box() -> None:
    positions = torch.tensor([[0.0, 0, 0], [10.0, 0, 0]], dtype=torch.float64)
    near = near_atoms(positions, 20000, 0.5)
    offsets = torch.minimum(*((near - r).norm(dim=1) for r in positions))
    assert offsets.square().mean() == pytest.approx(3 * 0.5**2, rel=0.05)
    box = in_box(positions, 20000, 2.0)
    torch.testing.assert_close(box.amin(dim=0), torch.full((3,), -2.0).to(box), rtol=0, atol=0.01)
    assert box.mean(dim=0).tolist() == pytest.approx([5.0, 0.0, 0.0], abs=0.2)


@pytest.mark.parametrize("name", ["gaussian", "smooth", "vdw", "sas"])
def test_points_near_the_surface(name) -> None:
    atoms, surface = molecule("CH3CH2OH"), molecular_surface(name)
    numbers, positions = torch.tensor(atoms.numbers), torch.tensor(atoms.positions)
    on = near_surface(surface, numbers, positions, 500, 0.0)
    assert surface(on, numbers, positions).abs().quantile(0.95) < 1e-3
    off = near_surface(surface, numbers, positions, 500, 0.2)
    distance = surface(off, numbers, positions)
    assert 0.1 < distance.std() < 0.3
    assert 0.2 < (distance < 0).double().mean() < 0.8


def test_points_where_the_function_is_steep() -> None:
    atoms = molecule("CH3CH2OH")
    numbers, positions = torch.tensor(atoms.numbers), torch.tensor(atoms.positions)
    steep = by_gradient(FUNCTION, numbers, positions, 300, 3.0)
    box = in_box(positions, 300, 3.0)
    slopes = [FUNCTION.gradient(x, numbers, positions).norm() for x in (steep, box)]
    assert slopes[0] > 1.5 * slopes[1]
    assert len(steep.unique(dim=0)) == 300


def test_a_seed_fixes_the_points_of_a_sample() -> None:
    atoms = molecule("H2O")
    fixed, free = FieldPoints(FUNCTION, seed=1), FieldPoints(FUNCTION)

    def points(draw: FieldPoints, index: int = 0) -> torch.Tensor:
        return draw(sample(atoms, index=index))["field_points"]

    assert torch.equal(points(fixed), points(fixed))
    assert not torch.equal(points(fixed), points(fixed, index=1))
    assert not torch.equal(points(fixed), points(FieldPoints(FUNCTION, seed=2)))
    torch.manual_seed(5)
    first, second = points(free), points(free)
    torch.manual_seed(5)
    assert torch.equal(points(free), first) and not torch.equal(first, second)


# with one core, torch advises against two workers
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_is_reproducible_and_makes_batches(tmp_path, workers) -> None:
    path = str(tmp_path / "x.db")
    data = ASEAtomsData.create(path, distance_unit="Ang", property_unit_dict={})
    structures = [molecule(name) for name in ("H2O", "CH4", "C2H2")]
    data.add_systems([{}] * 3, structures)

    def batch(seed: int | None) -> Inputs:
        torch.manual_seed(0)
        dataset = ASEAtomsData(path, transforms=[FieldPoints(FUNCTION, seed=seed)])
        return next(iter(AtomsLoader(dataset, batch_size=3, num_workers=workers)))

    first, second = batch(None), batch(None)
    assert torch.equal(first["field_points"], second["field_points"])
    assert first["field_n_points"].tolist() == [384] * 3
    last = first["field_points"][-384:], first["field"][-384:]
    torch.testing.assert_close(FUNCTION.of(structures[2], dtype=torch.float64)(last[0]), last[1])
    expected = [
        FieldPoints(FUNCTION, seed=3)(sample(atoms, index=i))["field_points"]
        for i, atoms in enumerate(structures)
    ]
    assert torch.equal(batch(3)["field_points"], torch.cat(expected))


@pytest.mark.parametrize(("n_near", "n_box"), [(0, 4000), (2000, 2000), (3800, 200)])
def test_weighted_points_estimate_the_mean_over_the_box(dtype, n_near, n_box) -> None:
    """Of the function and of one, within five standard errors, whatever the points."""
    atoms = molecule("CH3CH2OH")
    draw = FieldPoints(FUNCTION, "f", n_near_atoms=n_near, n_in_box=n_box, seed=0, weight_key="w")
    drawn = [draw(sample(atoms, dtype, index)) for index in range(20)]
    values = torch.stack([torch.cat([x["w"], x["w"] * x["f"]], dim=1).mean(dim=0) for x in drawn])
    assert values.dtype == dtype
    assert max(float(x["w"].max()) for x in drawn) <= (n_near + n_box) / n_box * (1 + 1e-6)

    span = torch.tensor(atoms.positions.max(axis=0) - atoms.positions.min(axis=0) + 6, dtype=dtype)
    field, volume = FUNCTION.of(atoms, dtype=dtype), float(span.prod())
    means = [float(field.integral(channel)) / volume for channel in field.channels]
    expected = torch.tensor([1.0, *means], dtype=dtype)  # (4,)
    standard_error = values.std(dim=0) / len(values) ** 0.5
    assert ((values.mean(dim=0) - expected).abs() < 5 * standard_error + 1e-5).all()
    if n_near:  # without weights the function is larger than it is
        assert (drawn[0]["f"].mean(dim=0) > 1.5 * expected[1:]).all()


def test_points_outside_the_box_have_no_weight() -> None:
    positions = torch.zeros(1, 3)
    points = torch.tensor([[0.0, 0, 0], [0, 0, 1.01], [0, 0, 100.0], [0, 0, -0.99]])
    weights = box_weights(points, positions, 0.5, 1.0, 0.01)
    assert weights[0] < 1e-4
    assert weights[1:].tolist() == [0.0, 0.0, 2.0]


@pytest.mark.parametrize("options", [{"n_in_box": 0}, {"n_near_surface": 8}, {"n_by_gradient": 8}])
def test_weights_of_unknown_densities_are_refused(options) -> None:
    with pytest.raises(ValueError, match="weights need points in the box"):
        FieldPoints(FUNCTION, weight_key="w", **options)


def test_no_points_are_refused() -> None:
    with pytest.raises(ValueError, match="no points"):
        FieldPoints(FUNCTION, n_near_atoms=0, n_in_box=0)


@pytest.fixture
def gridded() -> Inputs:
    """Water with its promolecule on a grid."""
    atoms = molecule("H2O")
    grid, values = PromoleculeDensity().of(atoms, dtype=torch.float64).grid(0.25, 2.0)
    return sample(atoms) | {
        "electron_density": values.reshape(1, -1),
        "grid_shape": torch.tensor([grid.shape]),
        "grid_origin": torch.tensor(grid.origin)[None],
        "grid_spacing": torch.tensor([0.25], dtype=torch.float64),
    }


@pytest.mark.parametrize("options", [{"n_points": None}, {}, {"floor": float("inf")}])
def test_values_belong_to_points_of_the_grid(gridded, options) -> None:
    result = GridPoints(**options)(dict(gridded))
    expected = PromoleculeDensity().of(molecule("H2O"), dtype=torch.float64)
    torch.testing.assert_close(
        result["electron_density"], expected(result["field_points"]), rtol=1e-6, atol=1e-10
    )
    n = options.get("n_points", 1024) or gridded["electron_density"].numel()
    assert result["field_n_points"].tolist() == [n] == [len(result["field_points"])]
    assert not any(key.startswith("grid") for key in result)


@pytest.mark.parametrize("ceiling", [float("inf"), 1.0, 0.0])
def test_drawing_by_density_estimates_the_integral(gridded, ceiling) -> None:
    """The loss of the same floor and ceiling is the sum of |error| up to a known factor."""

    def error(inputs: Inputs) -> torch.Tensor:
        return inputs["field_points"].sin().prod(dim=1, keepdim=True)  # (n_points, 1)

    weight = gridded["electron_density"].clamp_max(ceiling) + 0.05
    drawn = GridPoints(n_points=100_000, floor=0.05, ceiling=ceiling)(dict(gridded))
    exact = error(GridPoints(n_points=None)(dict(gridded))).abs().sum() / weight.sum()
    target = drawn["electron_density"]
    estimate = RelativeL1(0.05, ceiling)(target + error(drawn), target)
    assert float(estimate) == pytest.approx(float(exact), rel=0.05)


def test_a_ceiling_spends_fewer_points_on_the_cores(gridded) -> None:
    share = {
        ceiling: (GridPoints(ceiling=ceiling)(dict(gridded))["electron_density"] > 5).float().mean()
        for ceiling in (1.0, float("inf"))
    }
    assert share[1.0] < 0.05 < 0.2 < share[float("inf")]


def test_a_grid_of_another_size(gridded) -> None:
    gridded["grid_shape"] = torch.tensor([[3, 3, 3]])
    with pytest.raises(ValueError, match="its grid \\[3, 3, 3\\] points"):
        GridPoints()(gridded)


def test_points_that_come_with_a_sample(dtype) -> None:
    given = sample(molecule("H2O"), dtype) | {
        "field_points": torch.arange(6, dtype=torch.float64).view(1, 2, 3),
        "electron_density": torch.tensor([[1.0, 2.0]], dtype=dtype),
    }
    result = GivenPoints()(given)
    assert result["field_points"].dtype == dtype
    assert result["field_points"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert result["field_n_points"].tolist() == [2]
    assert result["electron_density"].tolist() == [[1.0], [2.0]]
    with pytest.raises(ValueError, match="'electron_density' has 2 values, but 1 points"):
        GivenPoints()(result | {"field_points": torch.zeros(1, 1, 3)})
