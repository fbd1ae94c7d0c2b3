"""Groups of parameters that learn more slowly than the rest."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning import Callback as LightningCallback, LightningModule, Trainer
from torch import Tensor, nn
from torch.optim import Optimizer

from schnetpack_molfield.representation.molfield import MolField
from schnetpack_molfield.representation.pretrained import in_group

__all__ = ["GroupRates", "scale_steps"]


class GroupRates(LightningCallback):
    """Scales the steps of groups of a `MolField`, by its `rates`, whatever the schedule says.

    `rates` maps names of groups, such as `encoder`, to factors on the learning rate. With AdamW and
    its like a scaled step is a smaller learning rate, and the optimizer's state and schedule stay
    those of one group, so that runs continue.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Watch the optimizers from the first step on."""
        for module in pl_module.model.modules():
            if isinstance(module, MolField) and module.rates:
                for optimizer in trainer.optimizers:
                    scale_steps(optimizer, module, module.rates)


def scale_steps(optimizer: Optimizer, module: nn.Module, rates: dict[str, float]) -> None:
    """Multiply every step of the optimizer, for parameters of some groups, by a factor.

    Args:
        optimizer: of these parameters.
        module: what has them.
        rates: factors by the names of groups; the longest name that fits counts.
    """
    factors: list[tuple[nn.Parameter, float]] = []
    for name, parameter in module.named_parameters():
        fitting = [group for group in rates if in_group(name, group)]
        if fitting and parameter.requires_grad:
            factors.append((parameter, rates[max(fitting, key=len)]))
    before: list[Tensor] = []

    def keep(*_: Any) -> None:
        before[:] = [parameter.detach().clone() for parameter, _ in factors]

    @torch.no_grad()
    def scale(*_: Any) -> None:
        for (parameter, factor), old in zip(factors, before, strict=True):
            parameter.copy_(torch.lerp(old, parameter, factor))

    optimizer.register_step_pre_hook(keep)
    optimizer.register_step_post_hook(scale)
