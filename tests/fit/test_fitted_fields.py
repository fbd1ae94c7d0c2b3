"""The fields of a fit: asked like any other field, at its members and between them."""

import numpy as np
import pytest
import torch
from ase.build import molecule

from schnetpack_molfield.fit.field_fit import FitOptions
from schnetpack_molfield.fit.files import save_fit_file
from schnetpack_molfield.fit.fitted_fields import FittedFields
from schnetpack_molfield.fit.task import FitTask

POINTS = np.random.default_rng(0).uniform(-2, 2, size=(40, 3))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A short fit of ammonia and of its mirror image."""
    one, other = molecule("NH3"), molecule("NH3")
    other.positions[:, 2] *= -1
    task = FitTask([one, other], ["H", "N"], n_grid=10, options=FitOptions(n_steps=50))
    fit = task.start()
    list(fit.run())
    path = tmp_path_factory.mktemp("fit") / "x.pt"
    save_fit_file(path, task, fit)
    return path


@pytest.fixture(scope="module")
def fitted(path):
    return FittedFields.load(path)


def test_members_are_the_ends_of_the_way_between_them(fitted, dtype):
    for fraction, member in ((0.0, 0), (1.0, 1)):
        at_end = fitted.between(0, 1, fraction, dtype)
        expected = fitted.field(member, dtype)
        torch.testing.assert_close(at_end(POINTS), expected(POINTS))
        np.testing.assert_array_equal(at_end.atoms.positions, fitted.frames[member].positions)
    assert len(fitted) == 2 and not torch.equal(fitted.field(0)(POINTS), fitted.field(1)(POINTS))


def test_gradient_is_that_of_the_field(fitted):
    field, step = fitted.field(dtype=torch.float64), 1e-5
    gradient = field.gradient(POINTS)
    for axis, shift in enumerate(step * np.eye(3)):
        difference = (field(POINTS + shift) - field(POINTS - shift)) / (2 * step)
        torch.testing.assert_close(gradient[..., axis], difference, rtol=1e-6, atol=1e-6)


def test_points_are_independent_of_each_other(fitted, dtype):
    field = fitted.field(dtype=dtype)
    values = field(POINTS)
    order = torch.randperm(len(POINTS))
    torch.testing.assert_close(field(POINTS[order]), values[order])
    torch.testing.assert_close(field(POINTS[:1]), values[:1])
    far = POINTS + 100
    assert not field(far).any() and field(np.zeros((0, 3))).shape == (0, 2)


def test_asking_leaves_the_fit_as_it_is(fitted):
    before = fitted.field()(POINTS)
    fitted.field(dtype=torch.float64)(POINTS)
    torch.testing.assert_close(fitted.field()(POINTS), before, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros(3), r"points must have shape \(n_points, 3\), got \(3,\)"),
        (np.zeros((4, 2)), r"got \(4, 2\)"),
        ([[0, 0, 0], [np.nan, 0, 0]], r"points must be finite: 1 of 2 are not.*points\[1\]"),
    ],
)
def test_bad_points(fitted, points, message):
    with pytest.raises(ValueError, match=message):
        fitted.field()(points)


def test_bad_members_and_channels(fitted):
    for start, end in ((0, 2), (-1, 0)):
        with pytest.raises(ValueError, match="there is no member .*; the file has 2"):
            fitted.between(start, end, 0.5)
    with pytest.raises(ValueError, match="unknown channel 'n'"):
        fitted.field().integral("n")


def test_other_files_are_refused(path, tmp_path):
    torch.save({"format": "another"}, tmp_path / "other.pt")
    (tmp_path / "text.pt").write_text("mine")
    torch.save(molecule("H2O"), tmp_path / "pickle.pt")  # would run code if it were unpickled
    (tmp_path / "cut.pt").write_bytes(path.read_bytes()[:-200])
    for name in ("other.pt", "text.pt", "pickle.pt", "cut.pt"):
        with pytest.raises(ValueError, match=f"{name} is not a file of molfield fit"):
            FittedFields.load(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="nothing.pt isn't a file"):
        FittedFields.load(tmp_path / "nothing.pt")
