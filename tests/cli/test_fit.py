"""`molfield fit` and `molfield interpolate` as a user runs them, and `molfield field` on a fit."""

import ase.io
import numpy as np
import pytest
import torch
from ase.build import molecule
from ase.io.cube import read_cube_data
from typer.testing import CliRunner

from schnetpack_molfield.cli import app
from schnetpack_molfield.fields import VectorFunction
from schnetpack_molfield.fit import field_fit
from schnetpack_molfield.fit.files import load_fit_file
from schnetpack_molfield.fit.fitted_fields import FittedFields


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a molecule and an ensemble, in which the command is typed."""
    water = molecule("H2O")
    turned = water.copy()
    turned.rotate(30, "z", center="COM")
    ase.io.write(tmp_path / "water.xyz", water)
    ase.io.write(tmp_path / "ensemble.xyz", [water, turned])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command, *arguments):
    return CliRunner().invoke(app, [command, *map(str, arguments)])


def fit(structure, *options, steps=100):
    coarse = ["--grid", 12, "--steps", steps, "--out", "x.pt"]
    return run("fit", structure, *coarse, *options)


@pytest.mark.parametrize("charts", ["learned", "atom"])
def test_a_fit_is_asked_at_any_resolution(folder, charts):
    result = fit("water.xyz", "--charts", charts)
    assert result.exit_code == 0, result.output
    assert "1 x 3 atoms; 2 channels on" in result.output
    assert "dB on the training grid" in result.output
    assert not list(folder.glob(".*"))
    field = FittedFields.load("x.pt").field()
    points = np.random.default_rng(0).uniform(-2, 2, size=(500, 3))
    exact = VectorFunction(["H", "O"]).of(molecule("H2O"))(points)
    assert field.channels == ["H", "O"]
    assert (field(points) - exact).square().mean().sqrt() < 0.3
    gradient = field.gradient(points)
    assert gradient.shape == (500, 2, 3) and torch.isfinite(gradient).all()


@pytest.mark.parametrize(("structure", "name"), [("water.xyz", "water.pt"), ("O", "fit.pt")])
def test_name_of_the_file_without_one(folder, structure, name):
    if name == "fit.pt":
        pytest.importorskip("rdkit")
    assert run("fit", structure, "--grid", 8, "--steps", 20).exit_code == 0
    assert (folder / name).exists()
    again = run("fit", structure, "--grid", 8, "--steps", 20)
    assert isinstance(again.exception, FileExistsError)


def test_precisions_agree(folder):
    assert fit("water.xyz", steps=20).exit_code == 0
    fitted = FittedFields.load("x.pt")
    points = np.random.default_rng(0).uniform(-2, 2, size=(50, 3))
    single, double = (fitted.field(dtype=dtype)(points) for dtype in (torch.float32, torch.float64))
    torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=1e-4)


def test_field_of_a_fit(folder):
    assert fit("ensemble.xyz", steps=20).exit_code == 0
    result = run("field", "--model", "x.pt", "-c", "O", "--member", 1, "-o", "x.cube")
    assert result.exit_code == 0, result.output
    values, atoms = read_cube_data("x.cube")
    expected = ase.io.read("ensemble.xyz", index=1)
    np.testing.assert_allclose(atoms.positions, expected.positions, atol=1e-5)
    assert values.max() > 1


def test_the_device_is_named(folder, monkeypatch):
    assert fit("water.xyz", "--device", "cpu", steps=20).exit_code == 0
    asked = ["-m", "x.pt", "-o", "y.npz", "--spacing", 1, "--force", "--device"]
    assert run("field", *asked, "cpu").exit_code == 0
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for refused in (fit("water.xyz", "--device", "cuda", "--force"), run("field", *asked, "cuda")):
        assert "no CUDA device here: leave out --device" in str(refused.exception)
    assert load_fit_file(folder / "x.pt")["fit"]["step"] == 20


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_fit_moves_between_devices(folder, monkeypatch):
    """Begun on the GPU, continued and asked on the CPU."""
    with monkeypatch.context() as patch:
        patch.setattr("schnetpack_molfield.fit.task.FieldFit", _Interrupted)
        assert fit("water.xyz", "--device", "cuda").exit_code == 130
    assert fit("water.xyz", "--resume").exit_code == 0
    there = FittedFields.load("x.pt").field(device="cuda")([[0.1, 0.2, 0.3]])
    here = FittedFields.load("x.pt").field()([[0.1, 0.2, 0.3]])
    torch.testing.assert_close(there.cpu(), here, rtol=1e-4, atol=1e-4)


def test_channels(folder):
    assert fit("water.xyz", "--channels", "H+O,O", steps=20).exit_code == 0
    assert FittedFields.load("x.pt").field().channels == ["H+O", "O"]
    refused = fit("water.xyz", "--channels", "C", "--force", steps=20)
    assert "channel 'C' has no atoms; there are H, O" in str(refused.exception)


def test_a_complex_has_channels_of_protein_and_ligand(folder):
    record = "{:6s}{:5d}  {:<3s} {:3s} A{:4d}    {:8.3f}   0.000   0.000  1.00  0.00{:>12s}\n"
    atoms = [("ATOM", 1, "CA", "GLY", 1, 0.0, "C"), ("ATOM", 2, "O", "GLY", 1, 1.3, "O")]
    ligand = ("HETATM", 3, "O1", "LIG", 2, 5.0, "O")
    water = ("HETATM", 4, "O", "HOH", 3, 9.0, "O")
    lines = [record.format(*fields) for fields in (*atoms, ligand, water)]
    (folder / "complex.pdb").write_text("".join([*lines, "END\n"]))
    result = fit("complex.pdb", steps=20)
    assert "1 x 3 atoms, waters left out: 1; 3 channels on" in result.output
    assert FittedFields.load("x.pt").field().channels == ["protein:C", "protein:O", "ligand:O"]


def test_interpolation_in_one_archive(folder):
    assert fit("ensemble.xyz", "--charts", "atom").exit_code == 0
    result = run("interpolate", "x.pt", "--from", 1, "--to", 0, "--steps", 3, "-o", "m.npz")
    assert result.exit_code == 0, result.output
    arrays = np.load("m.npz")
    assert arrays["values"].shape[::4] == (3, 2) and arrays["R"].shape == (3, 3, 3)
    frames = ase.io.read("ensemble.xyz", index=":")
    middle = (frames[0].positions + frames[1].positions) / 2
    np.testing.assert_allclose(arrays["R"][[2, 1]], [frames[0].positions, middle])
    point = arrays["origin_A"] + np.array([3, 4, 5]) @ arrays["steps_A"]
    for index, member in ((0, 1), (2, 0)):
        expected = FittedFields.load("x.pt").field(member)([point])[0]
        np.testing.assert_allclose(arrays["values"][index, 3, 4, 5], expected, atol=1e-5)


def test_half_way_the_field_is_that_of_half_way_atoms(folder):
    """As exactly as the fitted members: charts move, they don't fade out here and in there."""
    assert fit("ensemble.xyz", "--charts", "atom", steps=200).exit_code == 0
    points = np.random.default_rng(0).uniform(-2, 2, size=(1000, 3))
    errors = []
    for fraction in (0.0, 0.5, 1.0):
        field = FittedFields.load("x.pt").between(0, 1, fraction)
        exact = VectorFunction(["H", "O"]).of(field.atoms)(points)
        errors.append(float((field(points) - exact).square().mean().sqrt()))
    assert errors[1] < 1.5 * max(errors[0], errors[2]) < 0.3


def test_interpolation_as_cubes(folder):
    assert fit("ensemble.xyz", steps=20).exit_code == 0
    options = ["--steps", 3, "--spacing", 1, "-c", "O", "-o", "m.cube"]
    assert run("interpolate", "x.pt", *options).exit_code == 0
    shapes = {read_cube_data(f"m_{step:03d}.cube")[0].shape for step in range(3)}
    assert len(shapes) == 1
    again = run("interpolate", "x.pt", *options)
    assert isinstance(again.exception, FileExistsError) and "m_000.cube" in str(again.exception)


class _Interrupted(field_fit.FieldFit):
    def _step(self):
        if self.step == 50:
            raise KeyboardInterrupt
        super()._step()


def test_interrupted_and_resumed_is_the_same_as_not_interrupted(folder, monkeypatch):
    assert fit("water.xyz").exit_code == 0
    whole = load_fit_file(folder / "x.pt")["fit"]
    with monkeypatch.context() as patch:
        patch.setattr("schnetpack_molfield.fit.task.FieldFit", _Interrupted)
        stopped = fit("water.xyz", "--force")
    assert stopped.exit_code == 130
    assert "x.pt holds the fit after 50 steps, --resume continues it" in stopped.output
    assert load_fit_file(folder / "x.pt")["fit"]["step"] == 50
    resumed = fit("water.xyz", "--resume")
    assert resumed.exit_code == 0, resumed.output
    continued = load_fit_file(folder / "x.pt")["fit"]
    for name, weight in whole["best"].items():
        torch.testing.assert_close(continued["best"][name], weight, rtol=0, atol=0)


def test_interrupted_before_there_is_anything(folder, monkeypatch):
    (folder / "x.pt").write_text("mine")
    monkeypatch.setattr(field_fit.FieldFit, "_step", _interrupt)
    stopped = fit("water.xyz", "--force")
    assert stopped.exit_code == 130 and "nothing to write yet" in stopped.output
    assert (folder / "x.pt").read_text() == "mine"


def _interrupt(self):
    raise KeyboardInterrupt


def test_resume_needs_the_same_fit(folder):
    assert "x.pt isn't a file" in str(fit("water.xyz", "--resume", steps=20).exception)
    assert fit("water.xyz", steps=20).exit_code == 0
    other = fit("water.xyz", "--resume", "--beta", 3, steps=20)
    assert "fitted with beta = 2.0, now it is 3.0" in str(other.exception)
    other = fit("ensemble.xyz", "--resume", steps=20)
    assert "fitted to another structure" in str(other.exception)


def test_existing_file_needs_force(folder):
    (folder / "x.pt").write_text("mine")
    result = fit("water.xyz", steps=20)
    assert isinstance(result.exception, FileExistsError) and "--force" in str(result.exception)
    assert (folder / "x.pt").read_text() == "mine"
    assert fit("water.xyz", "--force", steps=20).exit_code == 0


def test_too_few_steps(folder):
    result = run("fit", "water.xyz", "-o", "y.pt", "--steps", "5")
    assert result.exit_code == 2 and "20" in result.output and not list(folder.glob("y*"))


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("fit", ["nothing.xyz", "-o", "y.pt"], "nothing.xyz isn't a file"),
        ("fit", ["cut.pdb", "-o", "y.pt"], "cut.pdb can't be read"),
        ("fit", ["empty.xyz", "-o", "y.pt"], "empty.xyz: model 0 has no atoms"),
        ("fit", ["mixed.xyz", "-o", "y.pt"], "model 1 has other atoms than model 0"),
        ("fit", ["water.xyz", "-o", "y.cube"], "y.cube must end in one of .pt"),
        ("fit", ["water.xyz", "-o", "y.pt", "--charts", "atoms"], "did you mean 'atom'"),
        ("fit", ["water.xyz", "-o", "y.pt", "--grid", "4"], "at least 8 points"),
        ("fit", ["water.xyz", "-o", "y.pt", "--cutoff", "0"], "cutoff must be a positive number"),
        ("fit", ["water.xyz", "-o", "y.pt", "--beta", "-1"], "beta must be a positive number"),
        ("fit", ["water.xyz", "-o", "y.pt", "--device", "gpu"], "unknown device 'gpu'"),
        ("field", ["-m", "x.pt", "-o", "y.npz", "-c", "h"], "unknown channel 'h'"),
        ("field", ["-m", "x.pt", "-o", "y.npz", "--member", "2"], "no member 2; the file has 2"),
        ("field", ["water.xyz", "-m", "x.pt", "-o", "y.npz"], "leave out structure"),
        ("interpolate", ["x.pt", "-o", "y.npz", "--to", "7"], "no member 7; the file has 2"),
        ("interpolate", ["x.pt", "-o", "y.cube"], "name a channel, one of: H, O"),
        ("interpolate", ["water.xyz", "-o", "y.npz"], "not a file of molfield fit"),
    ],
)
def test_bad_input(folder, command, arguments, message):
    assert fit("ensemble.xyz", steps=20).exit_code == 0
    (folder / "cut.pdb").write_text("ATOM      1  N   ALA A   1      11.10")
    (folder / "empty.xyz").write_text("0\n\n")
    ase.io.write("mixed.xyz", [molecule("H2O"), molecule("NH3")])
    result = run(command, *arguments)
    assert result.exit_code != 0
    assert message in str(result.exception) and "\n" not in str(result.exception)
    assert not list(folder.glob("y*"))
