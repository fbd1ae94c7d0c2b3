"""Callbacks of a training run: what a model should know about itself, and its user about it."""

from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback as HydraCallback
from omegaconf import DictConfig
from pytorch_lightning import Callback, Trainer
from schnetpack import AtomisticTask

from schnetpack_molfield.train.record import (
    ENERGY_KEYS,
    attach_record,
    make_record,
    read_record,
)


class ModelRecord(Callback):
    """Stores units, cutoff, precision, elements and citations in the model.

    It does so when training starts, so that every checkpoint and `best_model` carries them.
    """

    def on_fit_start(self, trainer: Trainer, pl_module: AtomisticTask) -> None:
        """Attach the record, see `schnetpack_molfield.train.record`."""
        datamodule = pl_module.trainer.datamodule
        attach_record(pl_module.model, make_record(pl_module.model, datamodule))


class PrintTestErrors(Callback):
    """Prints the test errors with their units, which Lightning's own table doesn't know."""

    def on_test_end(self, trainer: Trainer, pl_module: AtomisticTask) -> None:
        """Print one line for each property."""
        units = (read_record(pl_module.model) or {}).get("property_units", {})
        if trainer.is_global_zero:
            for key, unit in units.items():
                error = trainer.callback_metrics.get(f"test_{key}_mae")
                if error is not None:
                    print(f"Test MAE of {key}: {float(error):.4g} {unit}")


class PrintUsage(HydraCallback):
    """Says at the very end of a run how its model is used in ASE.

    `spktrain` stores the final model after Lightning is done, so this is a callback of Hydra's.
    """

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Print the line if the run has left a model that predicts an energy."""
        path = Path(config.globals.model_path).resolve()
        names = config.globals
        has_energy = "energy_key" in names or names.get("property") in ENERGY_KEYS
        if has_energy and job_return.status == JobStatus.COMPLETED and path.exists():
            print(usage_line(path))


def usage_line(model_path: Path) -> str:
    """How to use a trained model in ASE, ready to paste."""
    return (
        "Use it in ASE:  from schnetpack_molfield.interfaces import MolFieldCalculator; "
        f'atoms.calc = MolFieldCalculator("{model_path}")'
    )
