"""What a trained model knows about itself, stored when its training starts."""

from pytorch_lightning import Callback, Trainer
from schnetpack import AtomisticTask

from schnetpack_molfield.model_files import attach_record
from schnetpack_molfield.train.record import make_record

__all__ = ["ModelRecord"]


class ModelRecord(Callback):
    """Stores units, cutoff, precision, elements and citations in the model.

    It does so when training starts, so that every checkpoint and `best_model` carries them.
    """

    def on_fit_start(self, trainer: Trainer, pl_module: AtomisticTask) -> None:
        """Attach the record, see `schnetpack_molfield.train.record`."""
        datamodule = pl_module.trainer.datamodule
        attach_record(pl_module.model, make_record(pl_module.model, datamodule))
