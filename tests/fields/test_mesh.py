"""Isosurfaces against spheres, and mesh files."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule

from schnetpack_molfield.fields import BallDistance, MolecularField, PromoleculeDensity
from schnetpack_molfield.fields.grid import Grid
from schnetpack_molfield.fields.mesh import marching_cubes

pytest.importorskip("skimage")
trimesh = pytest.importorskip("trimesh")

CENTER = np.array([1.0, -2.0, 3.0])


def mesh(vertices: np.ndarray, faces: np.ndarray) -> "trimesh.Trimesh":
    return trimesh.Trimesh(vertices, faces, process=False)


@pytest.mark.parametrize("radius", [0.8, 1.5, 3.0])
def test_sphere(radius, dtype):
    ball = BallDistance({"He": radius}).of(Atoms("He", positions=[CENTER]), dtype=dtype)
    vertices, faces = ball.isosurface(channel="sdf", level=0.0, spacing=radius / 10)
    assert vertices.shape[1] == faces.shape[1] == 3
    assert mesh(vertices, faces).area == pytest.approx(4 * np.pi * radius**2, rel=0.01)
    assert mesh(vertices, faces).volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.01)
    distances = np.linalg.norm(vertices - CENTER, axis=1)  # in the lab frame
    np.testing.assert_allclose(distances, radius, atol=2e-3 * radius)


def test_vertices_lie_on_the_level_of_a_density():
    field = PromoleculeDensity().of(molecule("CH3CH2OH"), dtype=torch.float64)
    vertices, faces = field.isosurface(level=0.02, spacing=0.1)
    values = field(vertices)[:, 0]
    torch.testing.assert_close(values, torch.full_like(values, 0.02), rtol=0.03, atol=0)
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    outwards = np.einsum("ij,ij->i", mesh.vertex_normals, -field.gradient(vertices)[:, 0].numpy())
    assert mesh.is_watertight and (outwards > 0).all()


@pytest.mark.parametrize("level", [0.1, -0.1])
def test_faces_face_away_from_the_volume_on_both_sides_of_zero(level):
    """The lobes of an orbital: values above a positive level, below a negative one."""

    def p_orbital(points: torch.Tensor) -> torch.Tensor:
        return points[:, :1] * torch.exp(-points.square().sum(dim=1, keepdim=True))

    field = MolecularField(p_orbital, Atoms("C"), ["p"], dtype=torch.float64)
    vertices, faces = field.isosurface(level=level, spacing=0.1)
    assert mesh(vertices, faces).volume > 0.1
    assert (np.sign(vertices[:, 0]) == np.sign(level)).all()


@pytest.mark.parametrize(
    ("field", "level"),
    [
        (BallDistance(probe=1.4).of(Atoms("Cs")), 0.0),
        (BallDistance({"He": 7.0}).of(Atoms("He")), 0.0),  # the whole first box is inside
        (PromoleculeDensity().of(Atoms("NaCl", [[0, 0, 0], [0, 0, 2.4]])), 1e-4),
        (PromoleculeDensity().of(molecule("H2O")), 1e-7),
    ],
)
def test_the_box_grows_until_the_surface_is_closed(field, level):
    vertices, faces = field.isosurface(level=level, spacing=0.4)
    assert trimesh.Trimesh(vertices, faces, process=False).is_watertight
    assert mesh(vertices, faces).volume > 0
    torch.testing.assert_close(
        field.isosurface(level=level, spacing=0.4, margin=1.0)[0].mean(axis=0),
        vertices.mean(axis=0),
        rtol=0,
        atol=0.2,
    )


@pytest.mark.parametrize(("level", "outwards"), [(1e-3, -1), (-1e-3, 1), (0.0, 1)])
@pytest.mark.parametrize("place", [-30.0, 0.0, 30.0])
def test_open_surfaces_say_so_and_face_one_side_wherever_they_are(level, outwards, place):
    def plane(points: torch.Tensor) -> torch.Tensor:
        return torch.tanh(points[:, 2:] - place)

    field = MolecularField(plane, Atoms("He", [[0, 0, place]]), ["z"], dtype=torch.float64)
    with pytest.warns(UserWarning, match="leaves the box, and one 20 Angstrom around"):
        vertices, faces = field.isosurface(level=level, spacing=0.5)
    normals = trimesh.Trimesh(vertices, faces, process=False).face_normals[:, 2]
    np.testing.assert_allclose(normals, outwards, atol=1e-6)


@pytest.mark.parametrize("place", [-30.0, 0.0, 30.0])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    ("function", "level", "sign"),
    [(PromoleculeDensity(), 1e-3, -1), (BallDistance(), 0.0, 1), (BallDistance(), 0.5, 1)],
)
def test_faces_of_an_open_surface_are_oriented_by_the_field(place, axis, function, level, sign):
    atoms = molecule("H2O")
    atoms.positions[:, axis] += place
    field = function.of(atoms, dtype=torch.float64)
    grid, values = field.grid(spacing=0.15, margin=1.0)
    far = {"e/Ang^3": 0.0, "Ang": 100.0}[function.units]
    vertices, faces = marching_cubes(grid, values[..., 0].numpy(), level, far)
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    assert not mesh.is_watertight
    outwards = sign * field.gradient(mesh.triangles_center)[:, 0].numpy()
    along = np.einsum("ij,ij->i", mesh.face_normals, outwards)
    assert (along[mesh.area_faces > 1e-6] > 0).all()


def test_faces_of_a_left_handed_grid():
    steps = 0.2 * np.eye(3)[[1, 0, 2]]
    grid = Grid(np.full(3, -2.0), steps, (21, 21, 21))
    radius = np.linalg.norm(grid.points, axis=1).reshape(grid.shape)
    for values in (radius - 1, 1 - radius):
        assert mesh(*marching_cubes(grid, values, 0.0)).volume > 4


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".glb", ".stl"])
def test_mesh_files_read_back(tmp_path, suffix):
    field = BallDistance({"He": 1.0}).of(Atoms("He", positions=[CENTER]))
    path = tmp_path / f"surface{suffix}"
    field.to_mesh(path, spacing=0.1)
    mesh = trimesh.load(path, force="mesh")
    assert mesh.area == pytest.approx(4 * np.pi, rel=0.01)
    np.testing.assert_allclose(mesh.bounds.mean(axis=0), CENTER, atol=1e-2)
    with pytest.raises(FileExistsError, match="use force=True"):
        field.to_mesh(path, spacing=0.1)
    field.to_mesh(path, spacing=0.2, force=True)


def test_level_that_is_not_reached_is_named(tmp_path):
    field = PromoleculeDensity().of(molecule("H2O"))
    with pytest.raises(ValueError, match="level 1e.06 is outside the values on the grid, .* to"):
        field.isosurface(level=1e6, spacing=0.5)
    with pytest.raises(ValueError, match=r"must end in one of .ply, .obj, .glb, .stl"):
        field.to_mesh(tmp_path / "x.xyz", level=0.1)
    with pytest.raises(ValueError, match="level"):
        field.to_mesh(tmp_path / "x.ply", level=1e6, spacing=0.5)
    assert not list(tmp_path.iterdir())


def test_missing_library_is_one_clear_message(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "skimage.measure", None)
    with pytest.raises(ImportError, match=r'pip install "schnetpack-molfield\[viz\]"'):
        BallDistance().of(Atoms("He")).isosurface(spacing=0.5)
