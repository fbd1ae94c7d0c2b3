"""How far two surfaces are from each other."""

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from schnetpack_molfield.checks import optional_import

__all__ = ["MeshDistance", "mesh_distance"]

Mesh = tuple[np.ndarray, np.ndarray]


class MeshDistance(NamedTuple):
    """Difference of two surfaces.

    Attributes:
        chamfer: mean distance to the nearest point of the other surface in Angstrom, the mean of
            both directions.
        normal_consistency: mean absolute cosine between the normals at such pairs of points, 1
            for equal surfaces.
        squared: sum of the two mean squared distances in square Angstrom, the Chamfer distance of
            Sun et al. 2023 (DSR).
    """

    chamfer: float
    normal_consistency: float
    squared: float


def mesh_distance(a: Mesh, b: Mesh, n: int = 20000, seed: int = 0) -> MeshDistance:
    """Compare two triangle meshes by random points on both.

    Mescheder et al. 2019, *Occupancy Networks*, arXiv:1812.03828, whose definitions these are.

    Args:
        a: vertices (n_vertices, 3) in Angstrom and faces (n_faces, 3).
        b: likewise.
        n: number of points on each; the distance of equal surfaces is not zero but that of
            neighbouring points, about half the root of area over n.
        seed: of the points.
    """
    (x, normal_x), (y, normal_y) = (_sample(*mesh, n, seed + k) for k, mesh in enumerate((a, b)))
    to_y, to_x = cKDTree(y).query(x), cKDTree(x).query(y)
    cosines = [
        np.abs((normal_x * normal_y[to_y[1]]).sum(axis=1)).mean(),
        np.abs((normal_y * normal_x[to_x[1]]).sum(axis=1)).mean(),
    ]
    (a_to_b, _), (b_to_a, _) = to_y, to_x
    return MeshDistance(
        chamfer=float(a_to_b.mean() + b_to_a.mean()) / 2,
        normal_consistency=float(np.mean(cosines)),
        squared=float((a_to_b**2).mean() + (b_to_a**2).mean()),
    )


def _sample(
    vertices: np.ndarray, faces: np.ndarray, n: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 3), uniform on a mesh, and the normals (n, 3) there."""
    trimesh = optional_import("trimesh", "viz")
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    points, face = trimesh.sample.sample_surface(mesh, n, seed=seed)
    return np.asarray(points), mesh.face_normals[face]
