"""SchNetPack's moving average of the weights, made to survive a restart."""

from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from schnetpack.train import ExponentialMovingAverage as HostAverage

__all__ = ["ExponentialMovingAverage"]


class ExponentialMovingAverage(HostAverage):
    """Average the weights over the training, and continue from the last step after a restart.

    SchNetPack validates and saves the averaged weights. It takes them for the weights of the last
    step where a run is continued from a checkpoint, and where an epoch is validated more than
    once, and goes back to the past. Here the model's weights are the averaged ones from the start
    of a validation to the next step, and a checkpoint says whether it was written between these.

    Args:
        decay: share of the old average that is kept in each step.

    Attributes:
        averaged: whether the model has the averaged weights now.
    """

    def __init__(self, decay: float = 0.995) -> None:
        super().__init__(decay)
        self.averaged = False
        self.last_step: list[torch.Tensor] | None = None

    def state_dict(self) -> dict[str, Any]:
        """The average, the weights of the last step, and which of them the model has."""
        return super().state_dict() | {"averaged": self.averaged}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember the weights of the last step, unless they are the checkpoint's own."""
        super().load_state_dict(state_dict)
        if state_dict.get("averaged", True):  # SchNetPack's own checkpoints don't say
            self.last_step = state_dict["ema"]["collected_params"]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start or continue the average."""
        super().on_fit_start(trainer, pl_module)
        self.averaged = True
        if self.last_step is not None:
            model = pl_module.get_submodule("model")
            weights = zip(self.last_step, model.parameters(), strict=True)
            self.ema.collected_params = [last.to(now) for last, now in weights]
            self.last_step = None

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Go on with the weights of the last step."""
        self._continue()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """The same after a validation within an epoch, and in an epoch that is continued."""
        self._continue()

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Validate the averaged weights."""
        if not self.averaged:
            super().on_validation_epoch_start(trainer, pl_module)
            self.averaged = True

    def _continue(self) -> None:
        if self.averaged:
            self.ema.restore()
            self.averaged = False
