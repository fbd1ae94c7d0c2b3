"""The end of a run, as a user sees it: errors, epochs, files, and what the model is good for."""

import json
import logging
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback as HydraCallback
from omegaconf import DictConfig
from pytorch_lightning.utilities.rank_zero import rank_zero_only
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from schnetpack.model import AtomisticModel

from schnetpack_molfield.model_files import load_model_file, read_record
from schnetpack_molfield.overrides import command_line
from schnetpack_molfield.train.results import EXAMPLE, FILE, RunResults, stop_line

__all__ = ["PrintSummary", "error_table", "next_commands"]

#: Where Hydra logs what isn't printed.
LOG = "cli.log"
#: Metrics in the unit of their property, and how they are called in a table.
IN_UNITS = {"mae": "MAE", "rmse": "RMSE"}


class PrintSummary(HydraCallback):
    """Says where a run of `spktrain` is, and prints a short summary when it is done.

    Warnings go to the log of the run. SchNetPack stores `best_model` after Lightning is done, so
    this is a callback of Hydra's.
    """

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Say where the run is, and send warnings to its log."""
        logging.captureWarnings(True)
        _announce(config.run.experiment)

    @rank_zero_only
    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Print the summary of a run that has left a model."""
        model, results = Path(config.globals.model_path).resolve(), Path(FILE)
        if job_return.status == JobStatus.COMPLETED and model.exists() and results.exists():
            print_summary(config.run.experiment, model, RunResults.read(results))


@rank_zero_only
def _announce(experiment: str) -> None:
    print(f"{experiment} in {Path.cwd()}, details in {LOG}")


def print_summary(experiment: str, model: Path, results: RunResults) -> None:
    """Print errors, files and commands, and in the last line whether the training was cut."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"\n[bold]{experiment}[/]: {_course(results)}")
    console.print(error_table(results))
    console.print(f"in {model.parent}:", markup=False)
    for name, meaning in _files(model).items():
        console.print(f"  {name:22}{meaning}", markup=False)
    console.print("use it:")
    for purpose, command in next_commands(model):
        console.print(f"  {purpose:22}{command}", markup=False)
    if results.stopped_by:
        line = stop_line(results.epochs, results.max_epochs, results.stopped_by)
        console.print(f"[bold yellow]{line}[/]")


def _course(results: RunResults) -> str:
    """Epochs, duration and threads of a run."""
    minutes, seconds = divmod(round(results.seconds), 60)
    duration = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    threads = f"{results.threads} thread" + ("s" if results.threads > 1 else "")
    return f"{round(results.epochs, 1):g} epochs in {duration}, {threads}"


def error_table(results: RunResults) -> Table:
    """One row for each property with its unit and its errors on the test set."""
    found = dict.fromkeys(name for errors in results.errors.values() for name in errors)
    metrics = [*(name for name in IN_UNITS if name in found), *(found.keys() - IN_UNITS)]
    table = Table("test set", "unit", box=SIMPLE_HEAD)
    for metric in metrics:
        table.add_column(IN_UNITS.get(metric, metric), justify="right")
    for name, errors in results.errors.items():
        cells = [f"{errors[metric]:.4g}" if metric in errors else "" for metric in metrics]
        table.add_row(name, results.units.get(name, ""), *cells)
    return table


def _files(model: Path) -> dict[str, str]:
    """Files of the run that are there, and what they are for."""
    meanings = {
        model.name: "the model",
        EXAMPLE: "a structure of the test set",
        "checkpoints/last.ckpt": f"to continue: the same command with run.id={model.parent.name}",
        FILE: "these numbers",
        LOG: "everything else that was said",
    }
    return {name: text for name, text in meanings.items() if (model.parent / name).exists()}


def next_commands(model: Path) -> Iterator[tuple[str, str]]:
    """What to do with a trained model: pairs of a purpose and a command, ready to paste."""
    loaded = load_model_file(model)
    if hasattr(loaded, "prior"):
        words = ["molfield", "sample", str(model), "--out", "samples.extxyz"]
        yield "draw molecules", shlex.join(words)
        return
    record: dict[str, Any] = read_record(loaded) or {}
    heads = [module for module in loaded.output_modules if hasattr(module, "channels")]
    structure = model.parent / EXAMPLE
    if record.get("energy_key"):
        yield from _as_potential(model, structure, bool(record.get("forces_key")))
    if heads:
        yield from _as_field(model, heads[0].channels, _where(loaded, structure))
    if not heads or record.get("energy_key"):
        yield "check its promises", shlex.join(["molfield", "check", str(model)])
    if not heads and not record.get("energy_key"):
        options = {
            "datapath": "FILE.db",
            "modeldir": str(model.parent),
            "outputdir": "predictions",
            "cutoff": str(record.get("cutoff")),
            "write_interval": "batch",
        }
        yield "predict", f"spkpredict {command_line(options)}"


def _as_potential(model: Path, structure: Path, forces: bool) -> Iterator[tuple[str, str]]:
    yield (
        "in ASE",
        "from schnetpack_molfield import MolFieldCalculator; "
        f"atoms.calc = MolFieldCalculator({json.dumps(str(model), ensure_ascii=False)})",
    )
    if forces:
        options = {
            "model_file": str(model),
            "molecule_file": str(structure),
            "simulation_dir": "md",
        }
        yield "molecular dynamics", f"spkmd --config-name molfield_md {command_line(options)}"
        yield "for LAMMPS", shlex.join(["spkdeploy", str(model), "deployed_model"])


def _as_field(model: Path, channels: list[str], where: list[str]) -> Iterator[tuple[str, str]]:
    channel = ["--channel", channels[0]] if len(channels) > 1 else []
    for purpose, file in {"field on a grid": "field.cube", "picture": "field.png"}.items():
        command = ["molfield", "field", *where, "--model", str(model), *channel, "--out", file]
        yield purpose, shlex.join(command)


def _where(model: AtomisticModel, structure: Path) -> list[str]:
    """The structure, or the time, at which a model's field is asked."""
    start = getattr(model.representation, "start", None)
    return [str(structure)] if start is None else ["--time", f"{float(start):g}"]
