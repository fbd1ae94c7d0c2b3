"""The queryable field of one molecule."""

import weakref

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from scipy.spatial.transform import Rotation
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import schnetpack_molfield
from schnetpack_molfield.fields import Field, MolecularField, PromoleculeDensity, VectorFunction


def gaussian_field(dtype: torch.dtype = torch.float64) -> MolecularField:
    """Two channels with known integral and derivatives: exp(-x^2) and x."""

    def evaluate(points: torch.Tensor) -> torch.Tensor:
        return torch.stack([torch.exp(-points.square().sum(dim=1)), points[:, 0]], dim=1)

    return MolecularField(evaluate, Atoms("He"), ["g", "x"], {"g": "e", "x": "Ang"}, dtype=dtype)


def test_public_name():
    assert schnetpack_molfield.MolecularField is MolecularField
    assert issubclass(MolecularField, Field)


def test_values_gradient_and_laplacian_of_a_gaussian(dtype):
    field = gaussian_field(dtype)
    points = torch.randn(40, 3, dtype=dtype)
    squared = points.square().sum(dim=1)
    g = torch.exp(-squared)
    torch.testing.assert_close(field(points), torch.stack([g, points[:, 0]], dim=1))
    gradient = field.gradient(points)
    assert gradient.shape == (40, 2, 3)
    torch.testing.assert_close(gradient[:, 0], -2 * points * g.unsqueeze(1))
    torch.testing.assert_close(gradient[:, 1], torch.eye(3, dtype=dtype)[:1].expand(40, 3))
    laplacian = field.laplacian(points)
    torch.testing.assert_close(laplacian[:, 0], (4 * squared - 6) * g)
    assert (laplacian[:, 1] == 0).all()


def test_points_may_be_lists_arrays_and_tensors_of_any_precision():
    field = gaussian_field(torch.float32)
    for points in ([[1, 0, 0]], np.array([[1.0, 0, 0]]), torch.tensor([[1.0, 0, 0]]).double()):
        assert field(points).dtype == torch.float32
        assert float(field(points)[0, 1]) == 1.0


def test_result_is_differentiable_only_if_the_points_are():
    field = gaussian_field()
    points = torch.randn(5, 3, dtype=torch.float64)
    assert not field(points).requires_grad
    assert not field.gradient(points).requires_grad
    assert torch.autograd.gradcheck(field, points.requires_grad_())
    assert torch.autograd.gradcheck(field.gradient, points)
    assert torch.autograd.gradcheck(field.laplacian, points)


def test_weights_of_a_network_are_not_recorded():
    network = torch.nn.Linear(3, 1, dtype=torch.float64)
    field = MolecularField(network, Atoms("He"), ["f"], dtype=torch.float64)
    points = np.zeros((4, 3))
    assert not field(points).requires_grad
    torch.testing.assert_close(field.gradient(points)[2], network.weight.detach())


def test_blocks_give_what_the_whole_gives():
    whole, blocks = gaussian_field(), gaussian_field()
    blocks.block_size = 7
    points = torch.randn(50, 3, dtype=torch.float64)
    assert torch.equal(whole(points), blocks(points))
    assert torch.equal(whole.laplacian(points), blocks.laplacian(points))
    assert blocks(np.empty((0, 3))).shape == (0, 2)
    assert blocks.gradient(np.empty((0, 3))).shape == (0, 2, 3)


class PeakOfMemory(TorchDispatchMode):
    """Largest number of bytes in tensors at one time that operations made while it is on."""

    def __init__(self):
        super().__init__()
        self.in_use = self.peak = 0
        self.known = set()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        return result

    def _count(self, storage):
        key, size = storage._cdata, storage.nbytes()
        if key in self.known:
            return
        self.known.add(key)
        weakref.finalize(storage, self._forget, key, size)
        self.in_use += size
        self.peak = max(self.peak, self.in_use)

    def _forget(self, key, size):
        self.known.remove(key)
        self.in_use -= size


def test_million_points_stay_below_two_gigabytes():
    """Half a gigabyte of tensors, on top of Python and torch."""
    field = PromoleculeDensity().of(molecule("C6H6"))
    points = np.random.default_rng(0).normal(size=(10**6, 3))
    with PeakOfMemory() as memory:
        values = field(points)
    assert values.nbytes < memory.peak < 0.5 * 2**30


def test_integral_converges_with_the_square_of_the_spacing():
    """The box ends inside the Gaussian: over all of it the midpoint rule is exact too soon."""
    from math import erf, pi, sqrt

    exact = (sqrt(pi) / 2 * erf(1.0)) ** 3
    box = [[0, 0, 0], [1, 1, 1]]
    errors = [gaussian_field().integral("g", box=box, spacing=h) - exact for h in (0.2, 0.1, 0.05)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.02)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.02)


def test_integral_over_all_space_and_over_a_box_around_the_atoms():
    exact = np.pi**1.5
    assert gaussian_field().integral("g") == pytest.approx(exact, rel=1e-6)
    assert gaussian_field().integral("g", spacing=0.2) == pytest.approx(exact, rel=1e-6)
    assert gaussian_field().integral("g", spacing=0.2, margin=0.5) < 0.5 * exact


def test_line_plane_and_grid(dtype):
    field = gaussian_field(dtype)
    points, values = field.line([0, 0, 0], [1, 0, 0], n=11)
    assert points.shape == (11, 3) and values.shape == (11, 2)
    torch.testing.assert_close(values[:, 1], torch.linspace(0, 1, 11, dtype=dtype))
    points, values = field.plane(normal=[1, 1, 0], size=2.0, spacing=0.5)
    assert points.shape == (5, 5, 3) and values.shape == (5, 5, 2)
    torch.testing.assert_close(values.flatten(0, 1), field(points.reshape(-1, 3)))
    assert (points @ torch.tensor([1, 1, 0], dtype=dtype)).abs().max() < 1e-6
    assert (points[1, 0] - points[0, 0]).norm() == pytest.approx(0.5)
    grid, values = field.grid(spacing=0.5, margin=1.0)
    assert values.shape == (*grid.shape, 2)
    torch.testing.assert_close(values.reshape(-1, 2), field(grid.points))


def test_plane_holds_a_planar_molecule():
    atoms = molecule("C6H6")
    atoms.rotate(40, (1, 2, 3))
    points, _ = PromoleculeDensity().of(atoms).plane(spacing=0.5)
    flat = points.reshape(-1, 3).double()
    nearest = torch.cdist(torch.as_tensor(atoms.positions), flat).amin(dim=1)
    assert nearest.max() < 0.5 * np.sqrt(0.5) + 1e-6


def test_field_turns_with_the_molecule(atoms):
    rotation, shift = Rotation.random(rng=5).as_matrix(), np.array([5.0, -3.0, 1.0])
    moved = atoms.copy()
    moved.positions = atoms.positions @ rotation.T + shift
    function = VectorFunction({"all": ["H", "He", "B", "C", "N", "O", "F"]})
    before, after = (function.of(a, dtype=torch.float64) for a in (atoms, moved))
    points = np.random.default_rng(1).normal(size=(50, 3))
    turned = points @ rotation.T + shift
    torch.testing.assert_close(after(turned), before(points), rtol=0, atol=1e-11)
    lab = torch.as_tensor(rotation)
    torch.testing.assert_close(
        after.gradient(turned), before.gradient(points) @ lab.T, rtol=0, atol=1e-10
    )


def test_atoms_are_copied():
    atoms = molecule("H2O")
    field = PromoleculeDensity().of(atoms)
    before = field([[0, 0, 0.0]])
    atoms.positions += 1.0
    assert torch.equal(field([[0, 0, 0.0]]), before)
    assert not np.allclose(field.atoms.positions, atoms.positions)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros(3), r"shape \(n_points, 3\), got \(3,\); use points.reshape"),
        (np.zeros((4, 2)), r"got \(4, 2\)"),
        (np.zeros((2, 2, 3)), r"got \(2, 2, 3\)"),
        ([[0, 0, 0], [0, np.nan, 0]], r"1 of 2 are not, the first is points\[1\]"),
        ([[np.inf, 0, 0]], r"points\[0\] = \[inf"),
    ],
)
@pytest.mark.parametrize("ask", ["__call__", "gradient", "laplacian"])
def test_bad_points_are_named(points, message, ask):
    with pytest.raises(ValueError, match=message) as caught:
        getattr(gaussian_field(), ask)(points)
    assert "\n" not in str(caught.value)


def test_bad_requests_are_named(tmp_path):
    field = gaussian_field()
    with pytest.raises(ValueError, match="unknown channel 'gg'; did you mean 'g'. known: g, x"):
        field.integral("gg")
    with pytest.raises(ValueError, match="name a channel, one of: g, x"):
        field.to_cube(tmp_path / "x.cube")
    with pytest.raises(ValueError, match=r"box must have shape \(2, 3\)"):
        field.integral("g", box=[0, 1])
    with pytest.raises(ValueError, match="normal must be a vector of length 3"):
        field.plane(normal=[0, 0, 0])
    assert not list(tmp_path.iterdir())


def test_bad_structures_are_named():
    with pytest.raises(ValueError, match="the structure has no atoms"):
        PromoleculeDensity().of(Atoms())
    with pytest.raises(ValueError, match=r"atom 1 \(H\) has a position that is not finite"):
        PromoleculeDensity().of(Atoms("OH", positions=[[0, 0, 0], [np.nan, 0, 0]]))


def test_wrong_function_is_named():
    field = MolecularField(lambda points: points, Atoms("He"), ["a", "b"])
    with pytest.raises(ValueError, match=r"returned shape \(1, 3\), expected \(1, 2\)"):
        field([[0, 0, 0.0]])


def test_sums_and_differences_of_fields(dtype):
    water = molecule("H2O")
    rho = PromoleculeDensity().of(water, dtype=dtype)
    core = PromoleculeDensity(electrons="core").of(water, dtype=torch.float64)
    valence = PromoleculeDensity(electrons="valence").of(water, dtype=torch.float64)
    points = torch.randn(20, 3, dtype=dtype)
    total, difference = core + valence, rho - core
    assert total.dtype == difference.dtype == torch.float64
    torch.testing.assert_close(total(points), rho(points).double(), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(difference(points), valence(points), rtol=0, atol=1e-5)
    torch.testing.assert_close(
        difference.gradient(points), valence.gradient(points), rtol=0, atol=1e-4
    )
    assert total.channels == ["electron_density"] and total.units == rho.units
    assert (rho - rho).integral() == 0


def test_fields_that_do_not_add(dtype):
    rho = PromoleculeDensity().of(molecule("H2O"))
    stretched = molecule("H2O")
    stretched.positions[1] += 0.1
    others = {
        "fields of OH2 and NH3 can't be combined": PromoleculeDensity().of(molecule("NH3")),
        "differ by up to 0.173 Angstrom": PromoleculeDensity().of(stretched),
        "fields of different units": PromoleculeDensity("e/bohr^3").of(molecule("H2O")),
        "fields of different channels": VectorFunction(["H"]).of(molecule("H2O")),
    }
    for message, other in others.items():
        with pytest.raises(ValueError, match=message):
            rho - other
    with pytest.raises(TypeError, match="unsupported operand"):
        rho + 1


def test_what_a_field_says_of_itself():
    assert repr(PromoleculeDensity().of(molecule("H2O"))) == (
        "<MolecularField of OH2: electron_density (e/Ang^3); float32>"
    )
    field = VectorFunction(["H", "C"]).of(molecule("CH4"), dtype=torch.float64)
    assert repr(field) == "<MolecularField of CH4: H, C; float64>"
