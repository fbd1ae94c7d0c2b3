"""Chamfer distance and normal consistency of surfaces with known answers."""

import numpy as np
import pytest

from schnetpack_molfield.analysis.mesh_distance import mesh_distance

trimesh = pytest.importorskip("trimesh")


def sphere(radius: float, center: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    mesh = trimesh.creation.icosphere(subdivisions=4, radius=radius)
    return mesh.vertices + center, mesh.faces


def test_spheres_in_each_other() -> None:
    chamfer, consistency, squared = mesh_distance(sphere(1.0), sphere(1.2))
    assert chamfer == pytest.approx(0.2, rel=0.02)
    assert consistency == pytest.approx(1.0, abs=0.01)
    assert squared == pytest.approx(2 * 0.2**2, rel=0.02)


def test_equal_surfaces_are_as_close_as_the_points_are_dense() -> None:
    coarse, fine = (mesh_distance(sphere(1.0), sphere(1.0), n).chamfer for n in (1000, 16000))
    assert fine == pytest.approx(0.5 * np.sqrt(4 * np.pi / 16000), rel=0.1)
    assert coarse == pytest.approx(4 * fine, rel=0.1)


def test_symmetric_and_in_angstrom() -> None:
    a, b = sphere(1.0), sphere(0.7, center=0.3)
    forth, back = mesh_distance(a, b), mesh_distance(b, a)
    assert forth.chamfer == pytest.approx(back.chamfer, rel=0.02)
    larger = mesh_distance((10 * a[0], a[1]), (10 * b[0], b[1]))
    assert larger.chamfer == pytest.approx(10 * forth.chamfer, rel=1e-6)
    assert larger.normal_consistency == pytest.approx(forth.normal_consistency, rel=1e-6)
    assert forth.normal_consistency < 0.98


def test_perpendicular_planes() -> None:
    """Two squares that cross at a right angle have nothing in common but a line."""
    square = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    chamfer, consistency, _ = mesh_distance((square, faces), (square[:, [2, 1, 0]], faces))
    assert consistency == pytest.approx(0.0, abs=1e-9)
    assert chamfer == pytest.approx(0.5, rel=0.05)
