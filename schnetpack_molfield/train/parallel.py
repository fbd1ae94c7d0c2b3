"""Let SchNetPack validate forces between the steps of a distributed training."""

from pytorch_lightning import Callback, LightningModule, Trainer
from torch.nn.parallel import DistributedDataParallel

__all__ = ["ValidateWithoutSync"]


class ValidateWithoutSync(Callback):
    """Keep `DistributedDataParallel` from expecting a backward pass in validation.

    Forces are gradients, so SchNetPack switches gradients on while it validates. PyTorch takes
    that for a training step, waits for gradients of the weights that never come, and the next
    step fails with "`initialize_buckets` must NOT be called during autograd execution". This
    callback sets what PyTorch's own `no_sync()` sets, for as long as the validation lasts.
    """

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Expect no gradients."""
        _expect_gradients(trainer, False)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Expect them again."""
        _expect_gradients(trainer, True)


def _expect_gradients(trainer: Trainer, expected: bool) -> None:
    if isinstance(trainer.model, DistributedDataParallel):
        trainer.model.require_backward_grad_sync = expected
