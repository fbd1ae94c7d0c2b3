"""Canonical coordinates: invariant values, and frames where symmetry leaves no direction."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from schnetpack_molfield.nn.irreps import n_rows
from schnetpack_molfield.nn.sphere import SoftHarmonics
from schnetpack_molfield.representation.frames import (
    FRAMES,
    GramSchmidtFrame,
    SoftPolarFrame,
    inverse_square_root,
    soft_polar_frame,
)

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


@pytest.mark.parametrize("name", FRAMES)
def test_coordinates_are_invariant(name, dtype, orthogonal):
    matrix, wigner = (m.to(dtype) for m in orthogonal)
    frame, soft = FRAMES[name](6, 8).to(dtype), SoftHarmonics().to(dtype)
    features = torch.randn(4, 9, 6, dtype=dtype)
    points = torch.randn(5, 3, dtype=dtype)
    expected = soft(points)[1] @ frame(features)  # (4, 5, 8)
    actual = soft(points @ matrix.T)[1] @ frame(wigner @ features)
    torch.testing.assert_close(actual, expected, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize(
    ("name", "degrees"),
    [("projection", [0, 1, 2]), ("soft", [0, 1]), ("gram_schmidt", [0, 1]), ("none", [0])],
)
def test_degrees_that_tell_directions_apart(name, degrees):
    weights = FRAMES[name](6, 8)(torch.randn(4, 9, 6))
    assert weights.shape == (4, 9, 8)
    used = [bool(part.any()) for part in weights.split([1, 3, 5], dim=1)]
    assert used == [degree in degrees for degree in range(3)]


def test_projection_keeps_directions_without_vectors():
    """An inversion-symmetric site has no vectors, but tensors."""
    features = torch.randn(1, 9, 6)
    features[:, 1:4] = 0
    directions = {
        name: bool(FRAMES[name](6, 8)(features)[:, 1:].any()) for name in ("projection", "soft")
    }
    assert directions == {"projection": True, "soft": False}


@pytest.mark.parametrize("k", [3, 5])
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_soft_polar_frame_is_equivariant(dtype, orthogonal, k, size):
    matrix = orthogonal[0].to(dtype)
    v = size * torch.randn(10, 3, k, dtype=dtype)
    v[0, 2], v[1, 1:], v[2] = 0, 0, 0  # vectors in a plane, on a line, and none
    torch.testing.assert_close(
        soft_polar_frame(matrix @ v),
        matrix @ soft_polar_frame(v),
        rtol=0,
        atol=TOLERANCE[dtype] * (1e3 if size == 1e3 else 1),
    )


@pytest.mark.parametrize("epsilon", [1e-2, 1.0])
def test_soft_polar_frame_softens_singular_values(dtype, epsilon):
    """It keeps the singular vectors and maps s to s / sqrt(s^2 + epsilon)."""
    v = torch.randn(10, 3, 4, dtype=dtype)
    left, s, right = torch.linalg.svd(v, full_matrices=False)
    soft = s / torch.sqrt(s**2 + epsilon)
    torch.testing.assert_close(
        soft_polar_frame(v, epsilon), left * soft[:, None] @ right, rtol=0, atol=1e-5
    )


def test_soft_polar_frame_is_orthonormal_if_well_conditioned():
    v = 10 * torch.eye(3).double() + torch.randn(10, 3, 3).double()
    frame = soft_polar_frame(v, epsilon=1e-2)
    identity = torch.eye(3, dtype=torch.float64).expand(10, 3, 3)
    torch.testing.assert_close(frame.mT @ frame, identity, rtol=0, atol=3e-4)


def test_soft_polar_frame_shrinks_with_the_vectors():
    v = torch.randn(10, 3, 3, dtype=torch.float64)
    assert not soft_polar_frame(0 * v).any()
    torch.testing.assert_close(soft_polar_frame(1e-5 * v, 1e-2), 1e-4 * v, rtol=1e-5, atol=0)
    assert soft_polar_frame(v).norm() < soft_polar_frame(10 * v).norm()


DEGENERATE = {
    "zero": torch.zeros(3, 3),
    "parallel": torch.tensor([[1.0, 2.0, -0.5], [0.5, 1.0, -0.25], [0.0, 0.0, 0.0]]),
    "equal singular values": torch.eye(3),
    "two equal, one zero": torch.diag(torch.tensor([1.0, 1.0, 0.0])),
}


@pytest.mark.parametrize("v", DEGENERATE.values(), ids=DEGENERATE)
def test_soft_polar_frame_is_smooth_at_degenerate_vectors(v):
    v = v.double()[None].requires_grad_()
    assert gradcheck(soft_polar_frame, v)
    assert gradgradcheck(soft_polar_frame, v)


def by_eigenvalues(matrix):
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ torch.diag_embed(values.rsqrt()) @ vectors.mT


@pytest.mark.parametrize("spectrum", [(400, 400, 1), (400, 1, 1), (4, 2, 1), (1, 1, 1)])
@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_inverse_square_root_against_eigenvalues(orthogonal, spectrum, size):
    q = orthogonal[0]
    matrix = size * q @ torch.diag(torch.tensor(spectrum).double()) @ q.T
    expected = by_eigenvalues(matrix)
    error = (inverse_square_root(matrix) - expected).abs().max() / expected.abs().max()
    assert error < 1e-6


def first_vector(x):
    """Vectors of a chart (1, 3, 2) whose first passes through zero at x = 0."""
    return torch.tensor([[[x, 0.0], [0.0, 1.0], [0.0, 0.3]]], dtype=torch.float64)


def test_gram_schmidt_jumps_and_the_soft_frame_does_not():
    gram_schmidt = GramSchmidtFrame(2, 4).double()
    gram_schmidt.vectors.weight.data = torch.eye(2).double() / gram_schmidt.vectors.scale
    h = 1e-4
    jump = gram_schmidt.frame(first_vector(h)) - gram_schmidt.frame(first_vector(-h))
    assert jump.abs().max() > 1.9
    step = soft_polar_frame(first_vector(h)) - soft_polar_frame(first_vector(-h))
    assert step.abs().max() < 30 * h


def test_gram_schmidt_is_orthonormal(dtype):
    frame = GramSchmidtFrame(6, 4).to(dtype).frame(torch.randn(10, 3, 6, dtype=dtype))
    identity = torch.eye(2, dtype=dtype).expand(10, 2, 2)
    torch.testing.assert_close(frame.mT @ frame, identity, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("degree", [1, 3])
def test_frames_of_other_degrees(name, degree):
    rows = n_rows(degree)
    weights = FRAMES[name](6, 8, degree)(torch.randn(4, rows, 6))
    assert weights.shape == (4, rows, 8)
    assert bool(weights[:, -1].any()) == (
        name == "projection" or (degree, name != "none") == (1, True)
    )


def test_options_of_the_soft_frame():
    """Vectors and the length below which they fade."""
    vectors = torch.randn(4, 3, 6)
    frames = [SoftPolarFrame(6, 8, n_vectors=5, epsilon=epsilon) for epsilon in (1e-2, 1.0)]
    frames[1].load_state_dict(frames[0].state_dict())
    sharp, soft = (frame.frame(vectors) for frame in frames)
    assert sharp.shape == (4, 3, 5)
    assert (sharp.norm(dim=(1, 2)) > soft.norm(dim=(1, 2))).all()
