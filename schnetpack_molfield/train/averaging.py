"""SchNetPack's moving average of the weights, made to survive a restart."""

from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from schnetpack.train import ExponentialMovingAverage as HostAverage

__all__ = ["ExponentialMovingAverage"]


class ExponentialMovingAverage(HostAverage):
    """Average the weights over the training, and continue from the last step after a restart.

    SchNetPack validates and saves the averaged weights; a run that is continued from a checkpoint
    takes them for the weights of the last step and goes back to the past. The checkpoint does hold
    the weights of the last step, so they are put back here.

    Args:
        decay: share of the old average that is kept in each step.
    """

    def __init__(self, decay: float = 0.995) -> None:
        super().__init__(decay)
        self.last_step: list[torch.Tensor] | None = None

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember the weights of the last step from a checkpoint."""
        super().load_state_dict(state_dict)
        self.last_step = state_dict["ema"]["collected_params"]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start or continue the average."""
        super().on_fit_start(trainer, pl_module)
        if self.last_step is not None:
            model = pl_module.get_submodule("model")
            weights = zip(self.last_step, model.parameters(), strict=True)
            self.ema.collected_params = [last.to(now) for last, now in weights]
            self.last_step = None
