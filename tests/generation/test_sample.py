"""`molfield sample` and `molfield interpolate`, with a model that knows nothing."""

import sys
from pathlib import Path

import ase.io
import numpy as np
import pytest
import torch
from ase.build import molecule
from typer.testing import CliRunner

from schnetpack_molfield import properties as keys
from schnetpack_molfield.cli import app, main
from schnetpack_molfield.cli.frames import read_frame, split_frame
from schnetpack_molfield.fields import LatentSpace
from schnetpack_molfield.generation import sampling
from schnetpack_molfield.generation.interpolation import align, latent_path
from schnetpack_molfield.generation.requests import parse_composition, parse_property
from schnetpack_molfield.generation.sample_files import SampleFile
from schnetpack_molfield.model_files import save_model_file


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sampling, "BLOCK", 2)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def prior(model, tmp_path: Path) -> str:
    save_model_file(tmp_path / "prior.safetensors", model)
    return "prior.safetensors"


def run(*words: str) -> str:
    result = CliRunner().invoke(app, words)
    if result.exception is not None:
        raise result.exception
    return result.output


@pytest.mark.parametrize("name", ["some.extxyz", "some.sdf", "some.db"])
def test_samples_carry_their_latents(prior: str, name: str) -> None:
    run("sample", prior, "--n", "3", "--steps", "2", "--out", name)
    latents = [read_frame(name, i).info[keys.latent] for i in range(3)]
    assert np.shape(latents) == (3, 207)
    assert not Path(f"{name}.partial").exists()
    with pytest.raises(ValueError, match="has no frame 3"):
        read_frame(name, 3)


def test_interrupted_samples_are_kept_and_continued(prior: str, monkeypatch) -> None:
    words = ["sample", prior, "--n", "5", "--steps", "2", "--out"]
    run(*words, "whole.extxyz")
    draw, seen = sampling.SampleDrawer.molecules, []

    def interrupted(self, block: int):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(block)
        return draw(self, block)

    with monkeypatch.context() as patch:
        patch.setattr(sampling.SampleDrawer, "molecules", interrupted)
        result = CliRunner().invoke(app, [*words, "some.extxyz"])
        assert result.exit_code != 0
    assert not Path("some.extxyz").exists()
    with pytest.raises(ValueError, match="with seed = 0, now it is 1"):
        run(*words, "some.extxyz", "--seed", "1")
    run(*words, "some.extxyz")
    assert Path("some.extxyz").read_text() == Path("whole.extxyz").read_text()


def test_a_sample_s_function(prior: str, model) -> None:
    run("sample", prior, "--n", "2", "--steps", "2", "--out", "some.extxyz")
    assert split_frame("some.extxyz@1") == ("some.extxyz", 1)
    run("field", "some.extxyz@1", "-m", prior, "-o", "f.npz", "--spacing", "2.0")
    sampled = read_frame("some.extxyz", 1)
    with np.load("f.npz") as written:
        assert written["channels"].tolist() == ["H", "C", "N", "O"]
        origin, steps, values = written["origin_A"], written["steps_A"], written["values"]
    field = LatentSpace(model.autoencoder).field(torch.as_tensor(sampled.info[keys.latent]))
    point = torch.as_tensor(origin + np.ones(3) @ steps, dtype=torch.float32).view(1, 3)
    np.testing.assert_allclose(field(point).numpy()[0], values[1, 1, 1], atol=1e-5)


def test_between_two_molecules(prior: str, model) -> None:
    space, sizes = LatentSpace(model.autoencoder), model.prior.sizes
    first, second = molecule("CH3CH2OH"), molecule("C6H6")
    path = latent_path(space, sizes, first, second, 4)
    rows = path.view(4, 9, 23)
    assert rows[:, :, 3].sum(dim=1).tolist() == [3, 6, 6, 6]
    assert (rows[0, :, 6].sum(), rows[0, :, 7].sum()) == (pytest.approx(1), pytest.approx(6))
    assert (rows[-1, :, 4].sum(), rows[-1, :, 7].sum()) == (pytest.approx(6), pytest.approx(6))
    ase.io.write("benzene.xyz", second)
    run("interpolate", "CCO", "benzene.xyz", "-m", prior, "-o", "m.extxyz", "--steps", "3")
    assert len(ase.io.read("m.extxyz", ":")) == 3


def test_molecules_are_turned_onto_each_other() -> None:
    positions = molecule("CH3CH2OH").positions
    positions -= positions.mean(axis=0)
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    turn *= np.linalg.det(turn)
    shuffled = positions[::-1]
    np.testing.assert_allclose(
        align(positions @ turn.T, positions @ turn.T, shuffled), positions, atol=1e-4
    )


def test_a_broken_off_file_of_settings(tmp_path: Path) -> None:
    SampleFile(tmp_path / "a.extxyz", {"n": 3})
    with pytest.raises(ValueError, match="n = 3, now it is 4"):
        SampleFile(tmp_path / "a.extxyz", {"n": 4})
    SampleFile(tmp_path / "a.extxyz", {"n": 4}, force=True)


def test_what_people_write() -> None:
    assert parse_composition("C7H10O2") == {"C": 7, "H": 10, "O": 2}
    assert parse_property("homo=-6.5eV") == ("homo", -6.5, "eV")
    assert parse_property("gap=1.5e-1 Ha") == ("gap", 0.15, "Ha")
    assert parse_property("dipole_moment=3") == ("dipole_moment", 3.0, "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("sample prior.safetensors --n 0 -o a.sdf", "at least 1, got 0"),
        ("sample prior.safetensors -o a.png", "must end in one of .extxyz"),
        (
            "sample prior.safetensors -o a.sdf --composition hello",
            "formula such as C7H10O2, got 'hello'",
        ),
        ("sample prior.safetensors -o a.sdf --composition C2H6Q", "unknown element 'Q'"),
        ("sample prior.safetensors -o a.sdf --property homo", "NAME=VALUE"),
        ("sample prior.safetensors -o a.sdf --sampler eular", "did you mean 'euler'"),
        ("sample none -o a.sdf", "no model file 'none'"),
        ("interpolate CCO CCN -o a.extxyz", "--model FILE"),
        ("interpolate none.pt -o a.npz", "none.pt isn't a file"),
    ],
)
def test_mistakes(prior, words: str, message: str, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["molfield", *words.split()])
    with pytest.raises(SystemExit, match="1"):
        main()
    assert message in capsys.readouterr().err
    assert not list(Path().glob("a.*"))
