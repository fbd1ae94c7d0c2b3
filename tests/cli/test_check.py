"""`molfield check` as a user runs it."""

import pytest
import schnetpack as spk
import torch
from schnetpack.nn import CosineCutoff, GaussianRBF
from typer.testing import CliRunner

from schnetpack_molfield.cli import app
from schnetpack_molfield.representation import ChartAutoencoder, MolField
from schnetpack_molfield.testing import validation


@pytest.fixture
def build(tmp_path):
    def save(**options):
        representation = MolField(8, 2, GaussianRBF(8, 4.0), CosineCutoff(4.0), **options)
        model = spk.model.NeuralNetworkPotential(
            representation,
            input_modules=[spk.atomistic.PairwiseDistances()],
            output_modules=[spk.atomistic.Atomwise(n_in=8, output_key="energy")],
        )
        torch.save(model, tmp_path / "best_model")
        return str(tmp_path)

    torch.manual_seed(0)
    return save


def run(*arguments):
    return CliRunner().invoke(app, ["check", *arguments])


def test_a_model_that_keeps_its_promises(build):
    result = run(build())
    assert result.exit_code == 0, result.output
    assert "rotation" in result.output and "BROKEN" not in result.output


def test_a_model_that_does_not(build, monkeypatch):
    names = {"attributes", "degenerate_limit", "bounded_forces"}
    few = [promise for promise in validation.PROMISES if promise.name in names]
    monkeypatch.setattr(validation, "PROMISES", few)
    result = run(build(frame="gram_schmidt"))
    assert isinstance(result.exception, SystemExit) and result.exception.code == 3
    assert "2 of 3 promises are broken" in result.output


def test_unknown_capability(build):
    result = run(build(), "--without", "periodc")
    assert isinstance(result.exception, ValueError) and "periodc" in str(result.exception)


def test_a_model_of_fields_only(build, tmp_path):
    build()
    model = torch.load(tmp_path / "best_model", weights_only=False)
    model.representation = ChartAutoencoder(8, 2, GaussianRBF(8, 4.0), CosineCutoff(4.0))
    torch.save(model, tmp_path / "best_model")
    error = run(str(tmp_path)).exception
    assert isinstance(error, ValueError)
    assert "a ChartAutoencoder has no features of atoms" in str(error)
