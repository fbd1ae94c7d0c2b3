"""Fields that follow from a density, and surfaces that have their colours."""

import math

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from scipy.integrate import lebedev_rule
from scipy.special import sph_harm_y

from schnetpack_molfield import MolecularField
from schnetpack_molfield.densities.derived import DERIVED
from schnetpack_molfield.densities.harmonics import real_harmonics
from schnetpack_molfield.densities.poisson import MultipolePotential
from schnetpack_molfield.densities.promolecule_potential import PromoleculePotential
from schnetpack_molfield.densities.units import COULOMB
from schnetpack_molfield.fields import PromoleculeDensity, atom_centered_quadrature


def exponential(dtype: torch.dtype) -> MolecularField:
    """exp(-2 r) around a helium: everything is known."""

    def evaluate(points: torch.Tensor) -> torch.Tensor:
        return torch.exp(-2 * points.norm(dim=1, keepdim=True))

    return MolecularField(evaluate, Atoms("He"), ["rho"], "e/Ang^3", dtype)


def test_laplacian_reduced_gradient_and_signed_density(dtype):
    field, points = exponential(dtype), 0.6 * torch.rand(20, 3, dtype=dtype) + 0.1
    r = points.norm(dim=1, keepdim=True)
    rho = torch.exp(-2 * r)
    laplacian = field.derived("laplacian")
    assert laplacian.units == {"density_laplacian": "e/Ang^5"}
    torch.testing.assert_close(laplacian(points), rho * (4 - 4 / r))
    reduced = 2 * rho / (2 * (3 * math.pi**2) ** (1 / 3) * rho ** (4 / 3))
    torch.testing.assert_close(field.derived("reduced_gradient")(points), reduced)
    assert bool(field.derived("reduced_gradient")([[0, 0, 90.0]]).isinf())
    # eigenvalues: 4 rho along the radius, and -2 rho / r twice
    torch.testing.assert_close(field.derived("signed_density")(points), -rho)
    bound = rho > 0.05 / 0.529177210903**3
    contacts = field.derived("contacts")(points)
    assert (contacts[bound] == 2).all() and bool(bound.any()) and not bool(bound.all())
    torch.testing.assert_close(contacts[~bound], reduced[~bound].clamp_max(2))


@pytest.mark.parametrize("name", DERIVED)
def test_every_derived_field_is_differentiable_and_of_its_molecule(name):
    field = PromoleculeDensity().of(molecule("H2O"), dtype=torch.float64).derived(name)
    points = torch.rand(5, 3, dtype=torch.float64) + 0.7
    assert field(points).shape == (5, len(field.channels))
    assert field.dtype == torch.float64 and str(field.atoms.symbols) == "OH2"
    shifts = 1e-4 * torch.eye(3, dtype=torch.float64)
    numerical = torch.stack([(field(points + s) - field(points - s)) / 2e-4 for s in shifts], -1)
    torch.testing.assert_close(field.gradient(points), numerical, rtol=1e-5, atol=1e-6)


def test_potential_of_free_atoms_obeys_poissons_equation(dtype):
    atoms = molecule("CH3CH2OH")
    potential = PromoleculePotential().of(atoms, dtype=torch.float64)
    density = PromoleculeDensity().of(atoms, dtype=torch.float64)
    points = torch.tensor(atoms.positions[[0, 2, 5]] + 0.4)
    source = -4 * math.pi * COULOMB * -density(points)
    torch.testing.assert_close(potential.laplacian(points), source, rtol=1e-6, atol=1e-6)
    near = torch.tensor(atoms.positions[:1] + [[1e-3, 0, 0]])
    assert float(potential(near)) == pytest.approx(COULOMB * 6 / 1e-3, rel=1e-2)
    single = PromoleculePotential().of(atoms, dtype=dtype)(points)
    torch.testing.assert_close(single.double(), potential(points), rtol=1e-5, atol=1e-5)


def test_harmonics_are_orthonormal_and_scipys():
    directions, weights = (torch.tensor(x) for x in lebedev_rule(23))
    harmonics = real_harmonics(directions.T, 11)
    assert harmonics.shape == (194, 144)
    overlap = harmonics.T @ (weights.unsqueeze(1) * harmonics)
    torch.testing.assert_close(overlap, torch.eye(144).double(), rtol=0, atol=1e-12)
    x, y, z = directions.numpy()
    for degree, order in [(1, 0), (2, 1), (5, -3), (11, 11)]:
        complex_one = sph_harm_y(degree, abs(order), np.arccos(z), np.arctan2(y, x))
        part = complex_one.imag if order < 0 else complex_one.real
        expected = (-1) ** order * part * (math.sqrt(2) if order else 1)
        found = harmonics[:, degree**2 + degree + order].numpy()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_multipoles_of_gaussians_away_from_the_nuclei():
    """Charges between the atoms: erf(sqrt(a) d) / d for each."""
    numbers = torch.tensor([6, 8])
    positions = torch.tensor([[0, 0, 0], [0, 0, 1.2]], dtype=torch.float64)
    points, weights = atom_centered_quadrature(numbers, positions, 40, 23)
    centers = torch.tensor([[0.2, 0, 0.5], [0, -0.3, 0.9]], dtype=torch.float64)

    def of_gaussians(function, x):
        distances = torch.cdist(x, centers)
        return function(distances) @ torch.tensor([1.0, -0.4], dtype=torch.float64)

    exponent = 1.5
    density = of_gaussians(
        lambda d: (exponent / math.pi) ** 1.5 * torch.exp(-exponent * d**2), points
    )
    solved = MultipolePotential(numbers, positions, points, density * weights, 40)
    asked = torch.randn(100, 3, dtype=torch.float64) * 2
    exact = of_gaussians(lambda d: torch.erf(math.sqrt(exponent) * d) / d, asked)
    torch.testing.assert_close(solved(asked), exact, rtol=0, atol=1e-3)
    torch.testing.assert_close(solved(positions).isfinite(), torch.tensor([True, True]))


def test_deformation_is_the_difference_to_the_promolecule():
    free = PromoleculeDensity().of(molecule("H2O"), dtype=torch.float64)
    twice = MolecularField(
        lambda x: 2 * free.evaluate(x), free.atoms, ["rho"], "e/Ang^3", torch.float64
    )
    points = torch.rand(9, 3)
    torch.testing.assert_close(twice.derived("deformation")(points), free(points))


def test_the_density_of_a_complex_less_that_of_its_parts():
    pair = molecule("H2O") + Atoms("He", positions=[[0, 0, 3.0]])
    whole = PromoleculeDensity().of(pair)
    parts = [PromoleculeDensity().of(pair[:3]), PromoleculeDensity().of(pair[3:])]
    points = torch.rand(9, 3)
    rest = whole - parts[0] - parts[1]
    torch.testing.assert_close(rest(points), torch.zeros(9, 1), rtol=0, atol=1e-5)
    with pytest.raises(ValueError, match="or a part of the first one's"):
        parts[0] - whole
    swapped = pair[:3]
    swapped.numbers = swapped.numbers[::-1]
    with pytest.raises(ValueError, match="other atoms in the same places"):
        whole - PromoleculeDensity().of(swapped)


def test_names_of_quantities():
    field = PromoleculeDensity().of(molecule("H2O"))
    assert field.quantity("esp").channels == ["electrostatic_potential"]
    assert field.quantity("electron_density").channels == ["electron_density"]
    assert len(field.quantity("electric_field").channels) == 3
    with pytest.raises(ValueError, match="unknown channel 'epx'; did you mean 'esp'"):
        field.quantity("epx")


def test_a_surface_is_coloured_by_another_quantity(tmp_path):
    pytest.importorskip("pyvista")
    trimesh = pytest.importorskip("trimesh")
    field = PromoleculeDensity().of(molecule("H2O"), dtype=torch.float64)
    coarse = {"level": 0.02, "spacing": 0.5, "margin": 3.0}
    figure = field.render(color_by="esp", color_limits=(-1, 1), dpi=50, **coarse)
    bar = figure.axes[1]
    assert bar.get_ylabel() == "electrostatic potential / V" and bar.get_ylim() == (-1, 1)
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["0.02 e Å⁻³", "H", "O"]
    for ending in ("glb", "ply"):
        file = tmp_path / f"x.{ending}"
        field.to_mesh(file, color_by="esp", color_limits=(-1, 1), **coarse)
        mesh = trimesh.load(file, force="mesh", process=False)
        values = field.potential(np.array(mesh.vertices)).clamp(-1, 1).numpy()
        import matplotlib

        expected = matplotlib.colormaps["Blues"]((values + 1) / 2, bytes=True)
        shown = np.asarray(mesh.visual.vertex_colors, int)
        assert np.abs(shown - expected.astype(int)).max() <= 2
    with pytest.raises(ValueError, match="must end in one of .ply, .obj, .glb"):
        field.to_mesh(tmp_path / "x.stl", color_by="esp", **coarse)
    with pytest.raises(ValueError, match="limits must be a lower and an upper value"):
        field.to_mesh(tmp_path / "y.ply", color_by="esp", color_limits=(1, -1), **coarse)
    with pytest.raises(ValueError, match="name a channel, one of: electric_field_x"):
        field.to_mesh(tmp_path / "y.ply", color_by="electric_field", **coarse)
    assert not (tmp_path / "y.ply").exists()
