"""What a continued run needs: the weights of the last step, and the random numbers of its epoch."""

import random
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import schnetpack.train
import torch
from pytorch_lightning import LightningModule, Trainer
from torch.utils.data import DataLoader

from schnetpack_molfield.train.averaging import ExponentialMovingAverage
from schnetpack_molfield.train.seeding import SeedEachEpoch


class Line(LightningModule):
    """A weight that learns to be one, and what it was where it was validated."""

    def __init__(self) -> None:
        super().__init__()
        self.model = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.zeros_(self.model.weight)
        self.trained: list[float] = []
        self.validated: list[float] = []

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        self.trained.append(self.model.weight.item())
        return (self.model(batch) - batch).square().mean()

    def validation_step(self, batch: torch.Tensor, batch_idx: int) -> None:
        self.validated.append(self.model.weight.item())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.fixture
def fit(tmp_path, monkeypatch) -> Callable[..., tuple[Line, Trainer]]:
    monkeypatch.chdir(tmp_path)

    def fit(average, epochs: int = 2, ckpt: str | None = None, **options) -> tuple[Line, Trainer]:
        line = Line()
        data = DataLoader(torch.ones(8, 1), batch_size=2, num_workers=0)
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=epochs,
            callbacks=[average],
            num_sanity_val_steps=0,
            enable_checkpointing=False,
            **quiet,
            **options,
        )
        trainer.fit(line, data, data, ckpt_path=ckpt)
        return line, trainer

    return fit


pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers",
    "ignore:.*weights_only:FutureWarning",
    "ignore:.*litlogger",
    "ignore:.*fewer than",
)

#: Eight steps of gradient descent towards one: the distance shrinks by 0.8 in each.
EXACT = 1 - 0.8 ** np.arange(8)


def test_validation_within_an_epoch_doesnt_change_the_training(fit) -> None:
    line, _ = fit(ExponentialMovingAverage(0.9), val_check_interval=0.5)
    np.testing.assert_allclose(line.trained, EXACT, rtol=0, atol=1e-6)
    assert len(line.validated) == 4 * 4
    assert line.validated[-1] < EXACT[-1], "averages are validated"
    host, _ = fit(schnetpack.train.ExponentialMovingAverage(0.9), val_check_interval=0.5)
    assert host.trained[2] < EXACT[2] - 0.04, "why SchNetPack's own isn't used"


def test_continues_with_the_weights_of_the_last_step(fit) -> None:
    _, trainer = fit(ExponentialMovingAverage(0.9), epochs=1)
    trainer.save_checkpoint("averages.ckpt")
    line, _ = fit(ExponentialMovingAverage(0.9), ckpt="averages.ckpt")
    np.testing.assert_allclose(line.trained, EXACT[4:], rtol=0, atol=1e-6)


def test_continues_with_the_weights_of_a_checkpoint_between_steps(fit) -> None:
    """A checkpoint every some steps holds the weights of the last step themselves."""
    _, trainer = fit(ExponentialMovingAverage(0.9), epochs=1, limit_val_batches=0)
    trainer.save_checkpoint("steps.ckpt")
    line, _ = fit(ExponentialMovingAverage(0.9), ckpt="steps.ckpt", limit_val_batches=0)
    np.testing.assert_allclose(line.trained, EXACT[4:], rtol=0, atol=1e-6)


def draws(seeding: SeedEachEpoch, epoch: int) -> tuple[float, float, float]:
    seeding.on_train_epoch_start(SimpleNamespace(current_epoch=epoch), None)
    return torch.rand(1).item(), np.random.rand(), random.random()


def test_random_numbers_of_an_epoch_dont_depend_on_those_before() -> None:
    whole, continued = SeedEachEpoch(), SeedEachEpoch()
    torch.manual_seed(7)
    whole.on_fit_start(None, None)
    numbers = [draws(whole, epoch) for epoch in range(4)]
    assert len({number for drawn in numbers for number in drawn}) == 12
    torch.manual_seed(8)  # a run without a seed of its own draws another one
    continued.load_state_dict(whole.state_dict())
    continued.on_fit_start(None, None)
    assert draws(continued, 3) == numbers[3]
    other = SeedEachEpoch()
    other.on_fit_start(None, None)
    assert draws(other, 3) != numbers[3]
