"""`molfield inspect`, and what `molfield import` says of itself, as a user runs them."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.units import Bohr
from typer.testing import CliRunner

from schnetpack_molfield.cli import app


@pytest.fixture
def save(tmp_path):
    """Write copper that vibrates to an archive, with other labels if wanted."""

    def write(name="frames.npz", **changes):
        atoms, rng = bulk("Cu", cubic=True), np.random.default_rng(0)
        atoms.calc = EMT()
        positions, energy, forces = [], [], []
        for _ in range(40):
            atoms.positions += 0.02 * rng.normal(size=atoms.positions.shape)
            positions.append(atoms.positions.copy())
            energy.append(atoms.get_potential_energy())
            forces.append(atoms.get_forces())
        content = {"R": np.array(positions), "E_eV": np.array(energy), "F_eV_A": np.array(forces)}
        content |= {"Z": atoms.numbers, "cell_A": np.tile(atoms.cell.array, (40, 1, 1))}
        np.savez(tmp_path / name, **{k: changes.get(k, lambda x: x)(v) for k, v in content.items()})
        return tmp_path / name

    return write


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_clean_set(save):
    result = run("inspect", save())
    assert result.exit_code == 0, result.output
    assert "40 frames looked over, nothing wrong found" in result.output


def test_a_wrong_sign_is_a_line_and_a_status(save):
    result = run("inspect", save(F_eV_A=lambda forces: -forces))
    assert result.exit_code == 1
    (line,) = [line for line in result.output.splitlines() if line.startswith("warning: ")]
    assert "forces have the wrong sign" in line


def test_a_wrong_unit(save):
    result = run("inspect", save(), "-p", "energy=kcal/mol", "-p", "forces")
    assert "no usual units" in result.output or "--property energy=eV" in result.output


def test_types_and_lengths_that_the_file_does_not_say(save, tmp_path):
    with np.load(save()) as arrays:
        content = dict(arrays)
    content["types"] = np.zeros_like(content.pop("Z"))
    content["R"], content["cell_A"] = content["R"] / Bohr, content["cell_A"] / Bohr
    content["cell"] = content.pop("cell_A")
    np.savez(tmp_path / "types.npz", **content)
    options = ["--map", "0=Cu", "--length-unit", "bohr", "--rename", "energy=E"]
    result = run("inspect", tmp_path / "types.npz", *options)
    assert result.exit_code == 0, (result.output, result.exception)
    assert "40 frames looked over, nothing wrong found" in result.output
    assert "pass --map" in str(run("inspect", tmp_path / "types.npz").exception)


def test_report(save, tmp_path):
    pytest.importorskip("matplotlib")
    assert run("inspect", save(), "--report", tmp_path / "report.md").exit_code == 0
    assert "40 frames" in (tmp_path / "report.md").read_text()
    assert (tmp_path / "report.png").exists()
    again = run("inspect", save(), "--report", tmp_path / "report.md")
    assert isinstance(again.exception, FileExistsError)
    assert isinstance(run("inspect", save(), "--report", tmp_path / "a.txt").exception, ValueError)


@pytest.mark.parametrize(
    ("options", "says"), [([], True), (["--check"], True), (["--no-check"], False)]
)
def test_import_looks_small_sets_over(save, tmp_path, options, says):
    file = save(E_eV=lambda energy: np.roll(energy, 1))
    result = run("import", file, "--out", tmp_path / "new.db", *options)
    assert result.exit_code == 0, result.output
    assert ("energies are shifted by one frame" in result.output) == says


def test_import_leaves_large_sets_alone_unless_asked(save, tmp_path, monkeypatch):
    monkeypatch.setattr("schnetpack_molfield.cli.doctor.SMALL", 100)
    file = save(F_eV_A=lambda forces: -forces)
    result = run("import", file, "--out", tmp_path / "new.db")
    assert "not looked over, it is large" in result.output and "warning" not in result.output
    result = run("import", file, "--out", tmp_path / "new.db", "--force", "--check")
    assert "forces have the wrong sign" in result.output
