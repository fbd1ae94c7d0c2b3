"""The learned radial encoding, alone and in SchNetPack's representations."""

import math

import ase.build
import pytest
import schnetpack as spk
import torch
from schnetpack.nn import BesselRBF, CosineCutoff, GaussianRBF
from torch.autograd import gradcheck, gradgradcheck

from schnetpack_molfield.nn import ElementPairs, LearnedRadialEncoding
from schnetpack_molfield.representation import MolField

CUTOFF = 5.0
REPRESENTATIONS = {**vars(spk.representation), "MolField": MolField}
HOST = {"gaussian": GaussianRBF, "bessel": BesselRBF}


@pytest.mark.parametrize("grid", ["uniform", "short_range"])
@pytest.mark.parametrize("init", ["gaussian", "bessel"])
@pytest.mark.parametrize("n_rbf", [8, 20, 50])
def test_starts_where_the_host_starts(init, grid, n_rbf, dtype):
    d = torch.linspace(1e-3, CUTOFF, 1001, dtype=dtype)
    expected = HOST[init](n_rbf, CUTOFF).to(dtype)(d)
    learned = LearnedRadialEncoding(n_rbf, CUTOFF, init=init, grid=grid).to(dtype)(d)
    assert (learned - expected).abs().max() < 5e-4 * expected.abs().max()


@pytest.mark.parametrize("grid", ["uniform", "short_range"])
@pytest.mark.parametrize("n_rbf", [8, 20, 50])
def test_log_gaussian_start(n_rbf, grid, dtype):
    """Gaussians evenly spaced along a logarithm of the distance."""
    d = torch.linspace(1e-3, CUTOFF, 1001, dtype=dtype)
    options = {"init": "log_gaussian", "grid": grid, "amplitude": 2.0}
    features = LearnedRadialEncoding(n_rbf, CUTOFF, **options).to(dtype)(d)
    t = torch.log(1 + 4 * d / CUTOFF) / math.log(5)
    assert (features - 2 * GaussianRBF(n_rbf, 1.0).to(dtype)(t)).abs().max() < 1e-3


@pytest.mark.parametrize("shape", [(7,), (7, 1), (2, 3, 1), (0,), ()])
def test_shape_and_dtype_as_the_host(shape, dtype):
    d = torch.rand(shape, dtype=dtype) * CUTOFF
    learned = LearnedRadialEncoding(20, CUTOFF).to(dtype)(d)
    expected = GaussianRBF(20, CUTOFF).to(dtype)(d)
    assert learned.shape == expected.shape and learned.dtype == dtype


@pytest.mark.parametrize("grid", ["uniform", "short_range"])
def test_safe_at_zero_and_beyond_the_cutoff(grid):
    encoding = LearnedRadialEncoding(8, CUTOFF, grid=grid).double()
    d = torch.tensor([0.0, CUTOFF, 7.0, 50.0, 1e4], dtype=torch.float64, requires_grad=True)
    values = encoding(d)
    (slope,) = torch.autograd.grad(values.square().sum(), d, create_graph=True)
    (second,) = torch.autograd.grad(slope.sum(), d)
    assert values.isfinite().all() and slope.isfinite().all() and second.isfinite().all()
    torch.testing.assert_close(values[3], values[4], rtol=0, atol=1e-12)
    assert slope[3:].abs().max() < 1e-9


@pytest.mark.parametrize("grid", ["uniform", "short_range"])
def test_gradients(grid):
    encoding = LearnedRadialEncoding(4, CUTOFF, n_knots=8, grid=grid, pair_rank=2).double()
    torch.nn.init.normal_(encoding.pair.mixing)
    z_i, z_j = torch.tensor([1, 6, 8, 1, 1]), torch.tensor([6, 6, 1, 1, 8])
    d = torch.tensor([0.0, 0.9, 2.2, 4.99, 6.0], dtype=torch.float64, requires_grad=True)

    def evaluate(d, *parameters):
        names = [name for name, _ in encoding.named_parameters()]
        given = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(encoding, given, (d, z_i, z_j))

    # at 0 a central difference would step to negative distances, which do not exist
    inputs = (d.detach()[1:].requires_grad_(),)
    z_i, z_j = z_i[1:], z_j[1:]
    parameters = tuple(p.detach().requires_grad_() for p in encoding.parameters())
    assert gradcheck(evaluate, inputs + parameters, fast_mode=True)
    assert gradgradcheck(evaluate, inputs + parameters, fast_mode=True)


@pytest.mark.parametrize("grid", ["uniform", "short_range"])
def test_roughness_is_that_of_the_gaussians_for_any_number_of_knots(grid):
    d = torch.linspace(0, CUTOFF, 20001, dtype=torch.float64)
    width = CUTOFF / 9
    x = (d[:, None] - torch.linspace(0, CUTOFF, 10, dtype=torch.float64)) / width
    curvature = (x**2 - 1) * torch.exp(-(x**2) / 2) / width**2  # (20001, 10)
    exact = torch.trapezoid(curvature.square(), d, dim=0).mean()
    for n_knots, tolerance in [(40, 0.1), (80, 0.02), (320, 1e-3)]:
        encoding = LearnedRadialEncoding(10, CUTOFF, n_knots=n_knots, grid=grid).double()
        torch.testing.assert_close(encoding.spline.roughness(), exact, rtol=tolerance, atol=0)


def test_gain_changes_the_speed_of_learning_only():
    d, z = torch.rand(50) * CUTOFF, torch.randint(1, 9, (50,))
    moved = []
    for lr_scale in (1.0, 5.0):
        torch.manual_seed(0)
        encoding = LearnedRadialEncoding(8, CUTOFF, pair_rank=2, lr_scale=lr_scale)
        torch.nn.init.constant_(encoding.pair.mixing, 1 / lr_scale)
        start = encoding(d, z, z)
        optimizer = torch.optim.Adam([encoding.spline.coefficients], lr=1e-3)
        start.sum().backward()
        optimizer.step()
        moved.append((start.detach(), (encoding(d, z, z) - start).detach()))
    (start, step), (same_start, larger_step) = moved
    torch.testing.assert_close(same_start, start, rtol=0, atol=1e-5)
    torch.testing.assert_close(larger_step, 5 * step, rtol=1e-2, atol=1e-4)


def test_pair_correction_starts_at_zero_and_is_symmetric(dtype):
    encoding = LearnedRadialEncoding(20, CUTOFF, pair_rank=4).to(dtype)
    d = torch.full((3,), 1.1, dtype=dtype)
    z_i, z_j = torch.tensor([6, 8, 1]), torch.tensor([1, 1, 8])
    torch.testing.assert_close(
        encoding(d, z_i, z_j), LearnedRadialEncoding(20, CUTOFF).to(dtype)(d)
    )
    torch.nn.init.normal_(encoding.pair.mixing)
    ch, oh, ho = encoding(d, z_i, z_j)
    assert torch.equal(oh, ho)
    assert (ch - oh).abs().max() > 1e-2


def test_script_agrees(dtype):
    encoding = LearnedRadialEncoding(20, CUTOFF, grid="short_range", pair_rank=2).to(dtype)
    torch.nn.init.normal_(encoding.pair.mixing)
    d, z = torch.rand(9, 1, dtype=dtype) * 6, torch.randint(1, 9, (9,))
    scripted = torch.jit.script(encoding)(d, z, z)
    atol = {torch.float32: 1e-5, torch.float64: 1e-13}[dtype]
    torch.testing.assert_close(scripted, encoding(d, z, z), rtol=0, atol=atol)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"init": "gausian"}, "unknown init 'gausian'; did you mean 'gaussian'"),
        ({"grid": "short-range"}, "did you mean 'short_range'"),
        ({"cutoff": -1.0}, "cutoff > 0"),
        ({"n_rbf": 1}, "n_rbf >= 2"),
        ({"n_knots": 3}, "n_knots >= 4"),
    ],
)
def test_bad_options(arguments, message):
    with pytest.raises(ValueError, match=message):
        LearnedRadialEncoding(**{"n_rbf": 20, "cutoff": CUTOFF, **arguments})


def test_pair_correction_without_elements():
    with pytest.raises(ValueError, match="needs the elements"):
        LearnedRadialEncoding(20, CUTOFF, pair_rank=2)(torch.ones(3))


def test_elements_of_a_padded_list_of_pairs():
    encoding = LearnedRadialEncoding(20, CUTOFF, pair_rank=2)
    torch.nn.init.normal_(encoding.pair.mixing)
    d, z = torch.rand(4), torch.tensor([1, 6, 8])
    torch.testing.assert_close(encoding(d, z, z)[:3], encoding(d[:3], z, z))
    with pytest.raises(ValueError, match="elements of 2 pairs for 4 distances"):
        encoding(d, z[:2], z[:2])


def test_element_pairs_need_pairs_of_atoms():
    with pytest.raises(ValueError, match="charts='atom'"):
        basis = LearnedRadialEncoding(20, CUTOFF, pair_rank=2)
        path = "schnetpack_molfield.representation.MolField"
        ElementPairs(path, radial_basis=basis, **host("MolField", charts="molecule"))


def test_element_pairs_need_a_basis_that_takes_elements():
    with pytest.raises(TypeError, match="GaussianRBF can't take elements"):
        ElementPairs("schnetpack.representation.PaiNN", radial_basis=GaussianRBF(20, CUTOFF))


def neighbours():
    """Ethanol as SchNetPack's input dictionary."""
    atoms = ase.build.molecule("CH3CH2OH")
    convert = spk.interfaces.AtomsConverter(
        spk.transform.ASENeighborList(CUTOFF), dtype=torch.float64
    )
    return convert(atoms)


def potential(representation):
    return spk.model.NeuralNetworkPotential(
        representation=representation,
        input_modules=[spk.atomistic.PairwiseDistances()],
        output_modules=[
            spk.atomistic.Atomwise(n_in=16, output_key="energy"),
            spk.atomistic.Forces(energy_key="energy"),
        ],
    ).double()


def host(name, **arguments):
    extra = {
        "SO3net": {"lmax": 1},
        "FieldSchNet": {"external_fields": []},
        "MolField": {"n_interactions": 2},
    }.get(name, {})
    common = {"n_atom_basis": 16, "n_interactions": 1, "cutoff_fn": CosineCutoff(CUTOFF)}
    return {**common, **extra, **arguments}


@pytest.mark.parametrize("name", ["SchNet", "PaiNN", "SO3net", "FieldSchNet", "MolField"])
def test_drop_in(name):
    """Energies and forces start at the host's own, and train."""
    results = {}
    for basis in (GaussianRBF(20, CUTOFF), LearnedRadialEncoding(20, CUTOFF)):
        torch.manual_seed(0)
        representation = REPRESENTATIONS[name](**host(name), radial_basis=basis)
        model = potential(representation)
        results[type(basis).__name__] = model(neighbours())
    learned, gaussian = results["LearnedRadialEncoding"], results["GaussianRBF"]
    for key, relative in (("energy", 1e-3), ("forces", 5e-3)):
        error = (learned[key] - gaussian[key]).abs().max()
        assert error < relative * gaussian[key].abs().max(), key
    learned["forces"].square().sum().backward()
    assert basis.spline.coefficients.grad.abs().max() > 0


@pytest.mark.parametrize("name", ["SchNet", "PaiNN", "SO3net", "FieldSchNet", "MolField"])
def test_element_pairs_around_a_representation(name):
    basis = LearnedRadialEncoding(20, CUTOFF, pair_rank=2)
    package = "schnetpack_molfield" if name == "MolField" else "schnetpack"
    path = f"{package}.representation.{name}"
    model = potential(ElementPairs(path, radial_basis=basis, **host(name)))
    before = model(neighbours())["energy"]
    torch.nn.init.normal_(basis.pair.mixing)
    after = model(neighbours())
    assert (after["energy"] - before).abs().max() > 1e-4
    if name == "FieldSchNet":
        return  # SchNetPack's own can't be scripted
    scripted = torch.jit.script(model)(neighbours())
    torch.testing.assert_close(scripted["forces"], after["forces"], rtol=0, atol=1e-10)
