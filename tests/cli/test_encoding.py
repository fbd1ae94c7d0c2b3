"""`molfield encoding` as a user runs it."""

import pytest
import schnetpack as spk
import torch
from schnetpack.nn import CosineCutoff, GaussianRBF
from typer.testing import CliRunner

from schnetpack_molfield.cli import app
from schnetpack_molfield.nn import LearnedRadialEncoding

pytest.importorskip("matplotlib")


@pytest.fixture
def runs(tmp_path):
    """Folders of two runs, with different cutoffs."""
    for name, basis, cutoff in [
        ("host", GaussianRBF(8, 4.0), 4.0),
        ("learned", LearnedRadialEncoding(8, 5.0), 5.0),
    ]:
        model = spk.model.NeuralNetworkPotential(
            spk.representation.SchNet(8, 1, basis, CosineCutoff(cutoff)),
            input_modules=[spk.atomistic.PairwiseDistances()],
            output_modules=[spk.atomistic.Atomwise(n_in=8, output_key="energy")],
        )
        if name == "learned":
            model.molfield_record = {"elements": ["H", "C", "N", "O"]}
        (tmp_path / name).mkdir()
        torch.save(model, tmp_path / name / "best_model")
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(app, ["encoding", *map(str, arguments)])


def test_one_model(runs):
    result = run(runs / "learned" / "best_model", "--out", runs / "x.png", "--elements", "H, O")
    assert result.exit_code == 0, result.output
    assert (runs / "x.png").stat().st_size > 10_000


def test_several_models_are_compared(runs):
    result = run(runs / "host", runs / "learned", "--out", runs / "x.png")
    assert result.exit_code == 0, result.output
    rows = [line for line in result.output.splitlines() if "learned" in line]
    assert "1.000" in rows[-1]


def test_existing_picture_needs_force(runs):
    out = runs / "x.png"
    out.write_text("mine")
    result = run(runs / "learned", "--out", out)
    assert isinstance(result.exception, FileExistsError) and out.read_text() == "mine"
    assert run(runs / "learned", "--out", out, "--force").exit_code == 0
    assert out.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no model file"),
        (["learned", "--pair", "CH"], "two elements such as C-H"),
        (["learned", "--elements", "H,Q"], "unknown element 'Q'"),
        (["learned", "--pair", "C-Xe"], "learned was not trained on Xe: --pair must be two of"),
    ],
)
def test_bad_input(runs, monkeypatch, arguments, message):
    monkeypatch.chdir(runs)
    result = run(*arguments)
    assert message in str(result.exception)
    assert not (runs / "encodings.png").exists()
