"""What a run says at its end: epochs, what cut it, errors with units, files and commands."""

import ast
import re
import shlex
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace

import pytest
import torch
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback, EarlyStopping
from rich.console import Console
from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.representation import PaiNN
from torch.utils.data import DataLoader

from schnetpack_molfield.atomistic import FieldValue
from schnetpack_molfield.train import (
    PrintSummary,
    RecordResults,
    RunResults,
    attach_record,
    field_units,
)
from schnetpack_molfield.train.results import stop_line
from schnetpack_molfield.train.summary import error_table, next_commands


class Line(LightningModule):
    """A straight line through four points, one per batch, whose validation never improves."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        return self.layer(batch).square().mean()

    def validation_step(self, batch: torch.Tensor, batch_idx: int) -> None:
        self.log("val_loss", 1.0)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Interrupt(Callback):
    """Ctrl-C in the sixth batch."""

    def on_train_batch_start(self, trainer: Trainer, *_: object) -> None:
        if trainer.global_step == 5:
            raise KeyboardInterrupt


def fit(tmp_path, *callbacks: Callback, **options: object) -> tuple[RecordResults, Trainer]:
    counter = RecordResults()
    trainer = Trainer(
        callbacks=[*callbacks, counter],
        default_root_dir=tmp_path,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
        **options,
    )
    points = DataLoader(torch.arange(4.0)[:, None], num_workers=0)
    trainer.fit(Line(), points, points)
    return counter, trainer


pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pytorch_lightning")


def test_a_run_to_its_last_epoch(tmp_path) -> None:
    counter, trainer = fit(tmp_path, max_epochs=3)
    assert counter.epochs(trainer) == 3
    assert counter.stopped_by == ""


def test_limit_of_steps(tmp_path) -> None:
    counter, trainer = fit(tmp_path, max_epochs=30, max_steps=6)
    assert counter.epochs(trainer) == 1.5
    assert counter.stopped_by == "trainer.max_steps"


def test_limit_of_time(tmp_path) -> None:
    counter, trainer = fit(tmp_path, max_epochs=10**6, max_time=timedelta(milliseconds=100))
    assert 0 < counter.epochs(trainer) < 10**6
    assert counter.stopped_by == "trainer.max_time"


def test_early_stopping_is_named(tmp_path) -> None:
    counter, trainer = fit(tmp_path, EarlyStopping("val_loss", patience=2), max_epochs=30)
    assert counter.epochs(trainer) == 3
    assert counter.stopped_by == "early stopping, without a better val_loss"


def test_interruption(tmp_path, monkeypatch, capsys) -> None:
    run = tmp_path / "some-run"
    run.mkdir()
    monkeypatch.chdir(run)
    with pytest.raises(SystemExit):
        fit(tmp_path, Interrupt(), max_epochs=30)
    line = "stopped after 1.2 of 30 epochs by Ctrl-C; run.id=some-run added"
    assert line in capsys.readouterr().out


@pytest.mark.parametrize(
    ("epochs", "most", "line"),
    [
        (2.0, 30, "stopped after 2 of 30 epochs by trainer.max_time"),
        (1.5, 30, "stopped after 1.5 of 30 epochs by trainer.max_time"),
        (1234.0, -1, "stopped after 1234 epochs by trainer.max_time"),
    ],
)
def test_line_of_a_run_that_was_cut(epochs: float, most: int, line: str) -> None:
    assert stop_line(epochs, most, "trainer.max_time") == line


def results(**changes: object) -> RunResults:
    content = {
        "errors": {"energy": {"mae": 0.0123456, "rmse": 0.02}, "sdf": {"mae": 0.5, "iou": 0.9}},
        "units": {"energy": "eV", "sdf": "Ang"},
        "epochs": 30.0,
        "max_epochs": 30,
        "stopped_by": "",
        "threads": 1,
        "seconds": 131.4,
    }
    return RunResults(**content | changes)


def test_file_and_back(tmp_path) -> None:
    results().write(tmp_path / "results.json")
    assert RunResults.read(tmp_path / "results.json") == results()


def test_table_has_units_and_one_row_for_each_property() -> None:
    console = Console(width=80, record=True, file=StringIO())
    console.print(error_table(results()))
    rows = [line.split() for line in console.export_text().splitlines() if line.strip()]
    assert rows[0] == ["test", "set", "unit", "MAE", "RMSE", "iou"]
    assert rows[2:] == [["energy", "eV", "0.01235", "0.02"], ["sdf", "Ang", "0.5", "0.9"]]


RECORD = {"energy_key": "energy", "forces_key": "forces", "cutoff": 4.0}


def save_model(folder, record: dict, *outputs: torch.nn.Module):
    representation = PaiNN(8, 1, GaussianRBF(5, 4.0), CosineCutoff(4.0))
    model = NeuralNetworkPotential(
        representation, input_modules=[PairwiseDistances()], output_modules=list(outputs)
    )
    attach_record(model, record)
    torch.save(model, folder / "best_model")
    return folder / "best_model"


def commands(path) -> str:
    return "\n".join(command for _, command in next_commands(path))


def test_commands_of_a_potential(tmp_path) -> None:
    model = save_model(tmp_path, RECORD, Atomwise(8, output_key="energy"), Forces())
    shown = commands(model)
    assert f'MolFieldCalculator("{model}")' in shown
    assert f"model_file={model} molecule_file={tmp_path / 'example.xyz'}" in shown
    assert f"molfield check {model}" in shown and f"spkdeploy {model}" in shown
    assert "molfield field" not in shown and "spkpredict" not in shown


def test_commands_in_a_folder_of_any_name(tmp_path) -> None:
    """Words of the shell and overrides of Hydra come out as the paths that went in."""
    folder = tmp_path / "my run=1, it's"
    folder.mkdir()
    head = FieldValue(8, ["C"], units="e", output_key="functions")
    model = save_model(folder, RECORD, Atomwise(8, output_key="energy"), Forces(), head)
    shown = dict(next_commands(model))
    for purpose in ("check its promises", "for LAMMPS", "field on a grid"):
        assert str(model) in shlex.split(shown[purpose])
    override = shlex.split(shown["molecular dynamics"])[3]
    parsed = OverridesParser.create().parse_override(override)
    assert (parsed.key_or_group, parsed.value()) == ("model_file", str(model))
    found = re.search(r"MolFieldCalculator\((.*)\)", shown["in ASE"])
    assert found is not None and ast.literal_eval(found[1]) == str(model)


def test_commands_of_energies_alone(tmp_path) -> None:
    """SchNetPack can neither script nor simulate a model without forces."""
    record = RECORD | {"forces_key": None}
    shown = commands(save_model(tmp_path, record, Atomwise(8, output_key="energy")))
    assert "MolFieldCalculator" in shown
    assert "spkmd" not in shown and "spkdeploy" not in shown


def test_commands_of_a_property(tmp_path) -> None:
    record = {"energy_key": None, "forces_key": None, "cutoff": 4.0}
    shown = commands(save_model(tmp_path, record, Atomwise(8, output_key="homo")))
    assert f"modeldir={tmp_path}" in shown and "cutoff=4.0" in shown
    assert "MolFieldCalculator" not in shown


def test_commands_of_a_potential_with_fields(tmp_path) -> None:
    head = FieldValue(8, ["C", "O"], units="e", output_key="functions")
    model = save_model(tmp_path, RECORD, Atomwise(8, output_key="energy"), Forces(), head)
    shown = commands(model)
    field = f"molfield field {tmp_path / 'example.xyz'} --model {model} --channel C"
    assert f"{field} --out field.cube" in shown and f"{field} --out field.png" in shown
    assert "spkmd" in shown and "molfield check" in shown
    assert field_units(torch.load(model, weights_only=False)) == {"functions": "e"}


@pytest.mark.parametrize(
    ("status", "stopped_by", "last"),
    [
        (JobStatus.COMPLETED, "", "molfield check"),
        (JobStatus.COMPLETED, "trainer.max_time", "stopped after 2 of 30 epochs by trainer.max_"),
        (JobStatus.FAILED, "", None),
    ],
)
def test_last_lines(tmp_path, monkeypatch, capsys, status, stopped_by, last) -> None:
    monkeypatch.chdir(tmp_path)
    model = save_model(tmp_path, RECORD, Atomwise(8, output_key="energy"), Forces())
    epochs = 2.0 if stopped_by else 30.0
    results(stopped_by=stopped_by, epochs=epochs).write(tmp_path / "results.json")
    names = {"run": {"experiment": "molfield_x"}, "globals": {"model_path": str(model)}}
    PrintSummary().on_job_end(OmegaConf.create(names), JobReturn(status=status))
    lines = capsys.readouterr().out.strip().splitlines()
    if last is None:
        assert not lines
    else:
        assert lines[0] == f"molfield_x: {epochs:g} epochs in 2 min 11 s, 1 thread"
        assert last in lines[-1]


def test_no_summary_without_a_model(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"run": {"experiment": "x"}, "globals": {"model_path": "best_model"}}
    PrintSummary().on_job_end(OmegaConf.create(names), SimpleNamespace(status=JobStatus.COMPLETED))
    assert capsys.readouterr().out == ""
