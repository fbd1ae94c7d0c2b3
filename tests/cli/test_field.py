"""`molfield field` as a user runs it."""

import re
from pathlib import Path

import ase.io
import numpy as np
import pytest
import schnetpack as spk
import torch
from ase import Atoms
from ase.build import molecule
from ase.io.cube import read_cube_data
from ase.units import Bohr
from schnetpack.nn import CosineCutoff, GaussianRBF
from typer.testing import CliRunner

from schnetpack_molfield import MolecularField, shipped_models
from schnetpack_molfield.atomistic import ElectronDensity, SignedDistance
from schnetpack_molfield.cli import app
from schnetpack_molfield.model_files import load_model_file, save_model_file
from schnetpack_molfield.representation import MolField


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a molecule and a model, in which the command is typed."""
    model = spk.model.NeuralNetworkPotential(
        MolField(16, 2, GaussianRBF(8, 4.0), CosineCutoff(4.0)),
        input_modules=[spk.atomistic.PairwiseDistances()],
        output_modules=[ElectronDensity(16), SignedDistance(16)],
    )
    torch.save(model, tmp_path / "best_model")
    ase.io.write(tmp_path / "water.xyz", molecule("H2O"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    coarse = ["--spacing", "0.5", "--margin", "3", "--model", "best_model"]
    return CliRunner().invoke(app, ["field", *arguments, *coarse])


def test_cube(folder):
    result = run("water.xyz", "--channel", "electron_density", "--out", "x.cube")
    assert result.exit_code == 0, result.output
    values, atoms = read_cube_data("x.cube")
    assert len(atoms) == 3 and values.max() > 1.0


def test_units(folder):
    values = {}
    for units in ([], ["--units", "e/Ang^3"]):
        out = f"x{len(units)}.cube"
        assert run("water.xyz", "-c", "electron_density", "-o", out, *units).exit_code == 0
        values[len(units)] = read_cube_data(out)[0]
    np.testing.assert_allclose(values[0], values[2] * Bohr**3, rtol=1e-5, atol=1e-9)
    assert (folder / "x2.cube").read_text().startswith("electron_density (e/Ang^3)")
    chosen = ["-c", "electron_density", "--units", "e/bohr^3"]
    assert run("water.xyz", "-o", "x.npz", *chosen).exit_code == 0
    with np.load("x.npz") as arrays:
        assert arrays["units"].tolist() == ["e/bohr^3"]
        np.testing.assert_allclose(arrays["values"][..., 0], values[0], rtol=1e-4, atol=1e-8)


def test_arrays(folder):
    assert run("water.xyz", "-o", "x.npz").exit_code == 0
    arrays = np.load("x.npz")
    assert arrays["channels"].tolist() == ["electron_density", "sdf"]
    assert arrays["units"].tolist() == ["e/Ang^3", "Ang"]
    point = arrays["origin_A"] + np.array([3, 4, 5]) @ arrays["steps_A"]
    field = MolecularField.from_model("best_model", ase.io.read("water.xyz"))
    np.testing.assert_allclose(arrays["values"][3, 4, 5], field([point])[0], rtol=1e-4, atol=1e-6)


def test_a_molecule_that_is_given_twice(folder):
    result = run("water.xyz", "water.xyz", "-c", "electron_density", "-o", "x.npz")
    assert result.exit_code == 0, result.output
    assert (folder / "x_water.npz").exists() and (folder / "x_water_2.npz").exists()


@pytest.mark.parametrize("name", ["x.xyz", "x.pdb", "x.cif", "x.sdf", "x.traj"])
def test_an_empty_file(folder, name):
    (folder / name).touch()
    result = run(name, "-c", "electron_density", "-o", "x.cube")
    assert str(result.exception) == f"{name} is empty"


def test_what_follows_from_a_density(folder):
    pytest.importorskip("trimesh")
    field = MolecularField.from_model("best_model", ase.io.read("water.xyz"))
    assert run("water.xyz", "-c", "esp", "-o", "x.cube").exit_code == 0
    assert (folder / "x.cube").read_text().startswith("electrostatic_potential (Ha/e)")
    values, _ = read_cube_data("x.cube")
    assert np.isfinite(values).all() and values.max() > 0.1
    assert run("water.xyz", "-c", "electric_field", "-o", "x.npz").exit_code == 0
    with np.load("x.npz") as arrays:
        assert arrays["channels"].tolist() == [f"electric_field_{x}" for x in "xyz"]
        point = arrays["origin_A"] + np.array([1, 2, 3]) @ arrays["steps_A"]
        expected = field.derived("electric_field")([point])[0]
        np.testing.assert_allclose(arrays["values"][1, 2, 3], expected, rtol=1e-3, atol=1e-5)
    coloured = ["--level", "0.02", "--color-by", "esp", "--limits", "-1,1"]
    assert run("water.xyz", "-c", "electron_density", "-o", "x.glb", *coloured).exit_code == 0
    result = run("water.xyz", "-c", "electron_density", "-o", "y.cube", "--color-by", "esp")
    assert "--color-by colours a surface: give --level" in str(result.exception)
    result = run("water.xyz", "-c", "esq", "-o", "y.cube")
    assert "unknown channel 'esq'; did you mean 'esp'" in str(result.exception)
    assert not (folder / "y.cube").exists()


def test_smiles(folder):
    pytest.importorskip("rdkit")
    assert run("O", "-c", "sdf", "-o", "x.cube").exit_code == 0
    assert sorted(read_cube_data("x.cube")[1].numbers) == [1, 1, 8]


def test_waters_of_a_pdb_are_left_out_and_said_so(folder):
    record = "HETATM{:5d}  {:<3s} {:3s} A{:4d}    {:8.3f}   0.000   0.000  1.00  0.00{:>12s}\n"
    lines = [record.format(1, "C", "CO", 1, 0.0, "C"), record.format(2, "O", "CO", 1, 1.13, "O")]
    water = record.format(3, "O", "HOH", 2, 9.0, "O")
    (folder / "x.pdb").write_text("".join([*lines, water, "END\n"]))
    result = run("x.pdb", "-c", "sdf", "-o", "x.cube")
    assert result.exit_code == 0 and "x.pdb: waters left out: 1" in result.output
    assert read_cube_data("x.cube")[1].numbers.tolist() == [6, 8]


@pytest.mark.parametrize(
    ("out", "options"),
    [("x.ply", []), ("x.png", []), ("surface.png", ["--level", "0.0"])],
)
def test_surfaces_and_pictures(folder, out, options):
    pytest.importorskip("skimage")
    pytest.importorskip("trimesh")
    pytest.importorskip("matplotlib")
    result = run("water.xyz", "--channel", "sdf", "--out", out, *options)
    assert result.exit_code == 0, result.output
    assert (folder / out).stat().st_size > 1000


def test_existing_file_needs_force(folder):
    (folder / "x.npz").write_text("mine")
    result = run("water.xyz", "-o", "x.npz")
    assert isinstance(result.exception, FileExistsError)
    assert (folder / "x.npz").read_text() == "mine"
    assert run("water.xyz", "-o", "x.npz", "--force").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.xyz", "-o", "x.npz"], "nothing.xyz isn't a file"),
        (["water.xyz", "-o", "x.txt"], "must end in one of"),
        (["water.xyz", "-o", "x.npz", "-c", "sfd"], "did you mean 'sdf'"),
        (["water.xyz", "-o", "x.cube", "-c", "sdf", "--units", "V"], "can't be converted to 'V'"),
        (["water.xyz", "-o", "x.cube"], "name a channel, one of: electron_density, sdf"),
        (["cut.pdb", "-o", "x.npz"], "cut.pdb"),
        (["empty.xyz", "-o", "x.npz"], "empty.xyz"),
        (["water.xyz", "-o", "x.npz", "--member", "1"], "isn't a file of molfield fit"),
        (["-o", "x.npz"], "give the molecule"),
    ],
)
def test_bad_input(folder, arguments, message):
    (folder / "cut.pdb").write_text("ATOM      1  N   ALA A   1      11.10")
    (folder / "empty.xyz").write_text("0\n\n")
    result = run(*arguments)
    assert result.exit_code != 0
    assert message in str(result.exception)
    assert not list(folder.glob("x.*"))


def test_models_that_come_along_are_known_by_name(folder, monkeypatch):
    monkeypatch.setattr(shipped_models, "FOLDER", folder / "models")
    arguments = ["field", "water.xyz", "--spacing", "0.6", "-c", "electron_density", "-o"]
    refused = CliRunner().invoke(app, [*arguments, "x.npz"]).exception
    assert "no model of densities comes along" in str(refused)
    (folder / "models").mkdir()
    save_model_file(folder / "models" / "density.safetensors", load_model_file("best_model"))
    assert CliRunner().invoke(app, [*arguments, "a.npz"]).exit_code == 0
    assert CliRunner().invoke(app, [*arguments, "b.npz", "-m", "density"]).exit_code == 0
    assert CliRunner().invoke(app, [*arguments, "c.npz", "-m", "best_model"]).exit_code == 0
    for file in ("a.npz", "b.npz"):
        np.testing.assert_array_equal(np.load(file)["values"], np.load("c.npz")["values"])


def test_a_fit_of_the_first_version_is_called_one(folder):
    old = Path(__file__).parents[1] / "golden" / "fit_0.1.0.pt"
    result = CliRunner().invoke(app, ["field", "--model", str(old), "--out", "x.npz"])
    assert "was fitted by a version before 0.2" in str(result.exception)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--spacing", "1e-5", "-o", "x.cube"], "too large: choose a larger --spacing"),
        (["--spacing", "1e-5", "-o", "x.png"], "points .* too large: .* smaller --size"),
        (["--margin", "nan", "-o", "x.cube"], "no grid has margin nan"),
        (["--size", "-1", "-o", "x.png"], "--size must be a positive number"),
        (["--center", "nan,0,0", "-o", "x.png"], "--center must be 3 numbers"),
        (["--level", "nan", "-o", "x.ply"], "--level must be a number"),
        (["--dpi", "1000000", "-o", "x.png"], "6000000 pixels at 1e.06 per inch; at most 16384"),
        (["--charge", "11", "-o", "x.cube"], "can't have charge 11, it has 10 protons"),
    ],
)
def test_what_is_too_large_or_impossible(folder, options, message):
    arguments = ["field", "water.xyz", "-m", "best_model", "-c", "sdf", *options]
    result = CliRunner().invoke(app, arguments)
    assert re.search(message, str(result.exception)), result.exception
    assert not list(folder.glob("x.*"))


def test_the_charge_of_a_smiles_is_not_dropped(folder):
    pytest.importorskip("rdkit")
    for options, n_electrons in (([], 32), (["--charge", "0"], None), (["--charge", "1"], 30)):
        out = ["-o", f"x{len(options)}{n_electrons}.npz", "-c", "electron_density"]
        result = run("CC(=O)[O-]", *out, *options)
        assert result.exit_code == 0, result.output
        with np.load(out[1]) as arrays:
            atoms = Atoms(arrays["Z"], arrays["R"], info={"charge": 31 - (n_electrons or 31)})
        field = MolecularField.from_model("best_model", atoms)
        if n_electrons is not None:
            assert field.integral("electron_density") == pytest.approx(n_electrons, abs=0.01)


def test_lengths_in_bohr_are_asked_about(folder):
    water = molecule("H2O")
    ase.io.write("bohr.xyz", Atoms(water.numbers, water.positions / Bohr))
    refused = run("bohr.xyz", "-o", "x.npz", "-c", "sdf")
    assert "in bohr; name the unit of the file by --length-unit" in str(refused.exception)
    assert not (folder / "x.npz").exists()
    assert run("bohr.xyz", "-o", "x.npz", "-c", "sdf", "--length-unit", "bohr").exit_code == 0
    with np.load("x.npz") as arrays:
        np.testing.assert_allclose(arrays["R"], water.positions, atol=1e-6)
    with pytest.warns(UserWarning, match="OH2: its bonds are 0.1 times as long as usual"):
        MolecularField.from_model("best_model", Atoms(water.numbers, water.positions / 10))


def test_the_look_of_a_picture(folder):
    look = ["--limits=-1,1", "--levels", "0,0.5", "--colormap", "PuOr", "--normal", "0,0,1"]
    look += ["--center", "0,0,0", "--size", "4", "--width", "3", "--dpi", "50"]
    result = run("water.xyz", "-c", "sdf", "-o", "x.png", *look)
    assert result.exit_code == 0, result.output
    from matplotlib.image import imread

    assert imread("x.png").shape[1] == 150
    for option in (["--limits", "1"], ["--normal", "0,0"], ["--levels", "a"], ["--camera", "1,2,"]):
        refused = run("water.xyz", "-c", "sdf", "-o", "y.png", *option)
        assert f"{option[0]} must be" in str(refused.exception)
