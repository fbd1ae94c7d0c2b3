"""Real molecules as SchNetPack's input, and small representations to give them to."""

import warnings
from collections.abc import Callable

import pytest
import pytorch_lightning as pl
import torch
from ase import Atoms
from schnetpack.atomistic import PairwiseDistances
from schnetpack.interfaces import AtomsConverter
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.task import AtomisticTask, ModelOutput
from schnetpack.transform import ASENeighborList
from torch import nn
from torch.utils.data import DataLoader

from schnetpack_molfield.representation import MolField
from schnetpack_molfield.testing import molecule

Inputs = dict[str, torch.Tensor]
CUTOFF = 4.0


@pytest.fixture(scope="session")
def convert() -> Callable[..., Inputs]:
    """Convert named molecules, or ASE's atoms: `convert("H2O", atoms, dtype=..., cutoff=...)`."""

    def convert(
        *structures: str | Atoms, dtype: torch.dtype = torch.float32, cutoff: float = CUTOFF
    ) -> Inputs:
        atoms = [molecule(s) if isinstance(s, str) else s for s in structures]
        return AtomsConverter(ASENeighborList(cutoff), dtype=dtype)(atoms)

    return convert


@pytest.fixture(scope="session")
def batch(convert: Callable[..., Inputs]) -> Callable[..., Inputs]:
    """The same with distance vectors, as a representation gets it from SchNetPack's models."""
    return lambda *structures, **options: PairwiseDistances()(convert(*structures, **options))


@pytest.fixture(scope="session")
def build() -> Callable[..., MolField]:
    """Make a small MolField in which every parameter counts, those too that start at zero."""

    def build(dtype: torch.dtype = torch.float32, **options: object) -> MolField:
        defaults = {"n_atom_basis": 16, "n_interactions": 3}
        defaults |= {"radial_basis": GaussianRBF(8, CUTOFF), "cutoff_fn": CosineCutoff(CUTOFF)}
        torch.manual_seed(0)
        representation = MolField(**(defaults | options))
        for parameter in representation.parameters():
            if not parameter.any():
                nn.init.normal_(parameter, std=0.05)
        return representation.to(dtype)

    return build


class OneBatch(pl.LightningDataModule):
    """The same batch for training and validation."""

    def __init__(self, batch: Inputs) -> None:
        super().__init__()
        self.batch = batch

    def train_dataloader(self) -> DataLoader:
        return DataLoader([self.batch], batch_size=None)

    val_dataloader = train_dataloader


@pytest.fixture(scope="session")
def fit() -> Callable[..., float]:
    """Train by SchNetPack's own task: `fit(model, batch, *outputs)`, the loss of the third step."""

    def fit(model: NeuralNetworkPotential, batch: Inputs, *outputs: ModelOutput) -> float:
        before = nn.utils.parameters_to_vector(model.parameters())
        trainer = pl.Trainer(
            max_epochs=3,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        with warnings.catch_warnings():
            # one batch needs no workers; the host's task logs without naming the batch size
            warnings.filterwarnings("ignore", ".*does not have many workers")
            warnings.filterwarnings("ignore", ".*Trying to infer the `batch_size`")
            warnings.filterwarnings("ignore", ".*is already saved during checkpointing")
            task = AtomisticTask(
                model, list(outputs), torch.optim.Adam, optimizer_args={"lr": 1e-5}
            )
            trainer.fit(task, datamodule=OneBatch(batch))
        after = nn.utils.parameters_to_vector(model.parameters())
        assert after.isfinite().all() and not torch.equal(after, before)
        return float(trainer.callback_metrics["train_loss"])

    return fit
