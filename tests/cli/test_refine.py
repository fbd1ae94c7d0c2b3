"""`molfield refine` as a user runs it."""

import ase.io
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from schnetpack_molfield.cli import app


def test_frames_between_are_written_and_nothing_is_lost(
    make_model, record, ethanol, tmp_path, monkeypatch
) -> None:
    model = make_model(forces=True)
    model.molfield_record = record | {"forces_key": "forces"}
    torch.save(model, tmp_path / "best_model")
    ethanol.set_momenta(np.zeros((9, 3)))
    ase.io.write(tmp_path / "md.traj", [ethanol, ethanol])
    monkeypatch.chdir(tmp_path)

    def run(*options):
        return CliRunner().invoke(app, ["refine", "md.traj", "--model", "best_model", *options])

    done = run("--frame-time", "2", "--interval", "1", "--out", "fine.extxyz")
    assert done.exit_code == 0 and "wrote 3 frames up to 2 fs to fine.extxyz" in done.output
    assert "the next frame is missed by 0.0" in done.output
    frames = ase.io.read("fine.extxyz", index=":")
    assert [atoms.info["time"] for atoms in frames] == [0.0, 1.0, 2.0]
    again = run("--frame-time", "2", "--out", "fine.extxyz")
    assert isinstance(again.exception, OSError) and "--force" in str(again.exception)
    assert "has no time" in str(run("--out", "other.extxyz").exception)
    assert not (tmp_path / "other.extxyz").exists()


def test_a_model_without_an_energy_and_frames_that_are_none(
    make_model, record, ethanol, tmp_path, monkeypatch
) -> None:
    model = make_model(forces=False)
    model.molfield_record = record
    model.model_outputs = ["electron_density"]
    model.output_modules = torch.nn.ModuleList()
    torch.save(model, tmp_path / "best_model")
    ethanol.set_momenta(np.zeros((9, 3)))
    ase.io.write(tmp_path / "md.traj", [ethanol, ethanol])
    (tmp_path / "cut.traj").write_bytes((tmp_path / "md.traj").read_bytes()[:200])
    monkeypatch.chdir(tmp_path)
    arguments = ["--model", "best_model", "--frame-time", "2", "--out", "x.extxyz"]
    refused = CliRunner().invoke(app, ["refine", "md.traj", *arguments]).exception
    assert isinstance(refused, ValueError) and str(refused).startswith("the model")
    with pytest.raises(ValueError, match="cut.traj can't be read as a trajectory"):
        CliRunner().invoke(app, ["refine", "cut.traj", *arguments], catch_exceptions=False)
    assert not (tmp_path / "x.extxyz").exists()
