"""What came out of a run: errors with units, epochs, and what ended it, in `results.json`."""

import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from ase import Atoms
from pytorch_lightning import Callback as LightningCallback, Trainer
from pytorch_lightning.callbacks import EarlyStopping, Timer
from schnetpack import AtomisticTask
from schnetpack.data import AtomsDataModule

from schnetpack_molfield.checks import check_unit
from schnetpack_molfield.model_files import read_record

__all__ = ["EXAMPLE", "FILE", "RecordResults", "RunResults", "stop_line"]

#: Names of the files in the folder of the run.
FILE = "results.json"
EXAMPLE = "example.xyz"


@dataclass
class RunResults:
    """Outcome of a run.

    Attributes:
        errors: metrics on the test set by property and by name, as in `{"forces": {"mae": 0.02}}`.
        units: unit of every property that has one.
        epochs: epochs that were run, also those before a continuation; a part of one counts.
        max_epochs: epochs that were asked for.
        stopped_by: what ended the training before the last epoch; empty if nothing did.
        threads: number of threads of the last step.
        seconds: duration of the training, without earlier ones that it continues.
    """

    errors: dict[str, dict[str, float]]
    units: dict[str, str]
    epochs: float
    max_epochs: int
    stopped_by: str
    threads: int
    seconds: float

    @classmethod
    def read(cls, file: Path) -> "RunResults":
        """The results in a file."""
        return cls(**json.loads(file.read_text()))

    def write(self, file: Path) -> None:
        """Write them as JSON."""
        file.write_text(json.dumps(asdict(self), indent=2) + "\n")


def stop_line(epochs: float, max_epochs: int, reason: str) -> str:
    """What is said of a run that didn't reach its last epoch."""
    asked = f" of {max_epochs}" if max_epochs > 0 else ""
    return f"stopped after {round(epochs, 1):g}{asked} epochs by {reason}"


class RecordResults(LightningCallback):
    """Counts epochs; after the test writes `results.json`, and a structure of the test set to use.

    A run that is interrupted says at once how far it came.
    """

    def __init__(self) -> None:
        self.first_epoch: float | None = None
        self.n_batches = 0
        self.started = time.perf_counter()
        self.seconds = 0.0
        self.stopped_by = ""

    def epochs(self, trainer: Trainer) -> float:
        """Epochs so far, a part of one counted by its batches."""
        per_epoch = trainer.num_training_batches
        if self.first_epoch is None or not 0 < per_epoch < math.inf:
            return float(trainer.current_epoch)
        return self.first_epoch + self.n_batches / per_epoch

    def on_train_start(self, trainer: Trainer, pl_module: AtomisticTask) -> None:
        """Start to count where a continued run has stopped."""
        # by batches: a checkpoint of the end of a validation doesn't count its epoch yet
        per_epoch, n_batches = trainer.num_training_batches, trainer.fit_loop.total_batch_idx + 1
        counted = 0 < per_epoch < math.inf
        self.first_epoch = n_batches / per_epoch if counted else float(trainer.current_epoch)
        self.n_batches, self.started = 0, time.perf_counter()
        if self.first_epoch > 0 and trainer.is_global_zero:
            print(f"continued after {round(self.first_epoch, 1):g} epochs")

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Count one batch."""
        self.n_batches += 1

    def on_train_end(self, trainer: Trainer, pl_module: AtomisticTask) -> None:
        """Find out why the training ended."""
        self.seconds = time.perf_counter() - self.started
        self.stopped_by = self._reason(trainer)

    def on_exception(
        self, trainer: Trainer, pl_module: AtomisticTask, exception: BaseException
    ) -> None:
        """Say how far an interrupted training came, and how it goes on."""
        if isinstance(exception, KeyboardInterrupt) and trainer.is_global_zero and trainer.training:
            line = stop_line(self.epochs(trainer), trainer.max_epochs or -1, "Ctrl-C")
            print(f"{line}; run.id={Path.cwd().name} added to the same command continues it")

    def on_test_start(self, trainer: Trainer, pl_module: AtomisticTask) -> None:
        """Leave the table to `PrintSummary`, which knows units."""
        trainer.test_loop.verbose = False

    def on_test_end(self, trainer: Trainer, pl_module: AtomisticTask) -> None:
        """Write the file."""
        if trainer.is_global_zero:
            RunResults(
                errors=_errors(trainer, pl_module),
                units=(read_record(pl_module.model) or {}).get("property_units", {}),
                epochs=self.epochs(trainer),
                max_epochs=trainer.max_epochs or -1,
                stopped_by=self.stopped_by,
                threads=torch.get_num_threads(),
                seconds=self.seconds,
            ).write(Path(FILE))
            example_structure(pl_module.trainer.datamodule).write(EXAMPLE)

    def _reason(self, trainer: Any) -> str:
        """What ended the training before its last epoch, in the words of the configuration."""
        max_epochs = trainer.max_epochs or -1
        if 0 <= max_epochs <= self.epochs(trainer):
            return ""
        for callback in trainer.callbacks:
            if isinstance(callback, EarlyStopping) and callback.stopped_epoch > 0:
                return f"early stopping, without a better {callback.monitor}"
            if isinstance(callback, Timer) and (callback.time_remaining() or 0) <= 0:
                return "trainer.max_time"
        if 0 <= trainer.max_steps <= trainer.global_step:
            return "trainer.max_steps"
        return "an interruption"


def _errors(trainer: Trainer, task: AtomisticTask) -> dict[str, dict[str, float]]:
    """Metrics of the test by property and by name of the metric."""
    logged = trainer.callback_metrics
    return {
        output.name: {
            metric: float(logged[f"test_{output.name}_{metric}"])
            for metric in output.test_metrics
            if f"test_{output.name}_{metric}" in logged
        }
        for output in task.outputs
        if len(output.test_metrics) > 0
    }


def example_structure(datamodule: AtomsDataModule) -> Atoms:
    """The first structure of the test set, in Angstrom."""
    dataset = datamodule.dataset
    row = dataset.conn.get(int(datamodule.test_idx[0]) + 1)  # rows count from one
    to_angstrom = check_unit(dataset.metadata["_distance_unit"], "length")
    cell, positions = row.cell * to_angstrom, row.positions * to_angstrom  # (3, 3), (n_atoms, 3)
    return Atoms(row.numbers, positions, cell=cell, pbc=row.pbc)
