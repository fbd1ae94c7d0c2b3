"""Random numbers of a training that don't depend on where it was interrupted."""

import random
from typing import Any

import numpy as np
import torch
from pytorch_lightning import Callback, LightningModule, Trainer

__all__ = ["SeedEachEpoch"]


class SeedEachEpoch(Callback):
    """Draw the random numbers of an epoch from the run's seed and the number of the epoch.

    A checkpoint has no state of the random numbers, so a run that is continued would put its
    structures into other batches, and draw other points, than a run without an interruption. The
    seed is kept in the checkpoint, so this holds where it was drawn, too.
    """

    def __init__(self) -> None:
        self.seed: int | None = None

    def state_dict(self) -> dict[str, Any]:
        """The seed of the run."""
        return {"seed": self.seed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep the seed of the run that is continued."""
        self.seed = state_dict["seed"]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the seed of the run, unless it is a continued one."""
        if self.seed is None:
            self.seed = torch.initial_seed()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Seed torch, numpy and Python."""
        sequence = np.random.SeedSequence((self.seed or 0, trainer.current_epoch))
        seed = int(sequence.generate_state(1)[0])
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
