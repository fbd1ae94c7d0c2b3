"""The smoothness of encodings as a term of SchNetPack's loss."""

import hydra
import pytest
import pytorch_lightning as pl
import schnetpack as spk
import torch
from pytorch_lightning.demos.boring_classes import BoringModel
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.task import AtomisticTask, ModelOutput
from torch.utils.data import DataLoader

from schnetpack_molfield.nn import LearnedRadialEncoding
from schnetpack_molfield.train.smoothness import (
    EncodingSmoothness,
    SmoothnessOutput,
    encoding_roughness,
)

PROPERTIES = spk.properties


def model(basis):
    representation = spk.representation.SchNet(8, 1, basis, CosineCutoff(5.0))
    return spk.model.NeuralNetworkPotential(
        representation=representation,
        input_modules=[spk.atomistic.PairwiseDistances()],
        output_modules=[spk.atomistic.Atomwise(n_in=8, output_key="energy")],
    )


def learned_model():
    return model(LearnedRadialEncoding(8, 5.0, lr_scale=1.0))


def task(network, *outputs):
    energy = ModelOutput("energy", loss_fn=torch.nn.MSELoss(), metrics={})
    arguments = {"lr": 1e-2}
    return AtomisticTask(network, [energy, *outputs], torch.optim.SGD, optimizer_args=arguments)


def batch():
    """One hydrogen molecule."""
    return {
        PROPERTIES.Z: torch.tensor([1, 1]),
        PROPERTIES.R: torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 0.8]]),
        PROPERTIES.idx_m: torch.tensor([0, 0]),
        PROPERTIES.idx_i: torch.tensor([0, 1]),
        PROPERTIES.idx_j: torch.tensor([1, 0]),
        PROPERTIES.offsets: torch.zeros(2, 3),
        PROPERTIES.n_atoms: torch.tensor([2]),
        PROPERTIES.idx: torch.tensor([0]),
        "energy": torch.tensor([0.5]),
    }


class OneBatch(pl.LightningDataModule):
    """The same batch for training and validation."""

    def train_dataloader(self):
        return DataLoader([batch()], batch_size=None)

    val_dataloader = train_dataloader


class History(pl.Callback):
    """Collects what was logged."""

    def __init__(self):
        self.values = {}

    def on_train_batch_end(self, trainer, *_):
        self.values.update(trainer.callback_metrics)

    on_validation_end = on_train_batch_end


def fit(module, *callbacks, epochs=1):
    history = History()
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        callbacks=[*callbacks, history],
    )
    trainer.fit(module, datamodule=OneBatch())
    return {key: float(value) for key, value in history.values.items()}


# The host's task logs without naming the batch size; loaders of one batch need no workers.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*Trying to infer the `batch_size`"),
    pytest.mark.filterwarnings("ignore:.*is already saved during checkpointing"),
]


def test_adds_up_all_encodings():
    first, second = LearnedRadialEncoding(8, 5.0), LearnedRadialEncoding(6, 5.0)
    both = torch.nn.ModuleList([torch.nn.Sequential(first), second])
    expected = first.spline.roughness() + second.spline.roughness()
    torch.testing.assert_close(encoding_roughness(both), expected)


def test_loss_holds_the_term_in_training_only():
    plain, network = learned_model(), learned_model()
    network.load_state_dict(plain.state_dict())
    without = fit(task(plain))
    logged = fit(task(network), EncodingSmoothness(weight=0.1))
    start = encoding_roughness(learned_model()).item()
    assert logged["train_encoding_roughness"] == pytest.approx(start, rel=1e-5)
    difference = logged["train_loss"] - without["train_loss"]
    assert difference == pytest.approx(0.1 * start, rel=1e-4)
    assert logged["val_encoding_roughness"] == pytest.approx(encoding_roughness(network).item())
    target = batch()["energy"]
    error = (network(batch())["energy"] - target).square().mean()
    assert logged["val_loss"] == pytest.approx(error.item(), rel=1e-4)


def test_encodings_get_smoother():
    rough, smooth = learned_model(), learned_model()
    fit(task(rough), epochs=20)
    fit(task(smooth), EncodingSmoothness(weight=0.1), epochs=20)
    assert encoding_roughness(smooth) < 0.9 * encoding_roughness(rough)


def test_zero_weight_only_logs():
    plain, network = learned_model(), learned_model()
    network.load_state_dict(plain.state_dict())
    fit(task(plain), epochs=3)
    logged = fit(task(network), EncodingSmoothness(weight=0.0), epochs=3)
    assert logged["train_encoding_roughness"] > 0
    for trained, expected in zip(network.parameters(), plain.parameters(), strict=True):
        assert torch.equal(trained, expected)


def test_the_term_owns_no_parameters_and_is_added_once():
    module, callback = task(learned_model()), EncodingSmoothness(weight=0.1)
    keys = set(module.state_dict())
    fit(module, callback)
    fit(module, callback)
    assert set(module.state_dict()) == keys
    assert sum(isinstance(output, SmoothnessOutput) for output in module.outputs) == 1


def test_without_learned_encoding():
    with pytest.raises(ValueError, match="no learned encoding to smooth"):
        fit(task(model(GaussianRBF(8, 5.0))), EncodingSmoothness(weight=0.1))


def test_negative_weight():
    with pytest.raises(ValueError, match="must not be negative, got -1"):
        SmoothnessOutput(learned_model(), weight=-1.0)


def test_other_tasks():
    with pytest.raises(TypeError, match="needs a schnetpack.AtomisticTask, got BoringModel"):
        EncodingSmoothness(1.0).setup(
            pl.Trainer(logger=False, accelerator="cpu", enable_checkpointing=False),
            BoringModel(),
            "fit",
        )


@pytest.mark.filterwarnings("ignore:provider=hydra.searchpath")  # ./configs is optional
def test_by_config_only():
    overrides = [
        "experiment=md17",
        "run.data_dir=nowhere",
        "model/representation=schnet",
        "model/representation/radial_basis=molfield_learned",
        "+callbacks=molfield_smoothness",
    ]
    with hydra.initialize_config_module("schnetpack.configs", version_base="1.2"):
        config = hydra.compose("train", overrides)
        basis = hydra.utils.instantiate(config.model.representation.radial_basis)
        callback = hydra.utils.instantiate(config.callbacks.molfield_smoothness)
    assert isinstance(basis, LearnedRadialEncoding) and basis.n_rbf == 20
    assert isinstance(callback, EncodingSmoothness) and callback.weight == 1e-6
    assert "ema" in config.callbacks, "the host's own callbacks stay"
