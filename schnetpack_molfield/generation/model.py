"""A prior as a model that SchNetPack trains, with the auto-encoder whose latents it draws."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from schnetpack.model import AtomisticModel
from torch import Tensor, nn

from schnetpack_molfield import properties as keys
from schnetpack_molfield.generation.prior import LatentPrior
from schnetpack_molfield.model_files import load_model_file
from schnetpack_molfield.representation import ChartSizes

__all__ = ["PriorModel", "latent_sizes", "load_prior", "named"]

#: Seed of noise and times while a prior is validated.
SEED = 0


class PriorModel(AtomisticModel):
    """Learns the distribution of an auto-encoder's latents.

    ====================  ===========================  ==========================================
    key                   shape                        meaning
    ====================  ===========================  ==========================================
    field_latent          (n_molecules, n_latent)      read
    field_prior_values    (n_molecules, n_values)      read: counts of elements, number of atoms,
                                                       properties, as `LatentData` hands them out
    prior_loss            (n_molecules,)               written: error of the network
    ====================  ===========================  ==========================================

    Args:
        autoencoder: file `best_model` or `*.safetensors`, the folder of a run, the name of a model
            that comes along, or a model. It becomes part of this one and isn't trained.
        elements: symbols of all elements of the molecules.
        properties: names of scalar properties that samples may be conditioned on.
        options: further arguments of `LatentPrior`.

    Raises:
        ValueError: without an auto-encoder, or for a model that isn't one.
    """

    def __init__(
        self,
        autoencoder: str | Path | AtomisticModel | None,
        elements: Sequence[str] = ("H", "C", "N", "O"),
        properties: Sequence[str] = (),
        **options: Any,
    ) -> None:
        super().__init__(postprocessors=[])
        given: Any = named(autoencoder)
        is_model = isinstance(given, AtomisticModel)
        self.autoencoder = given if is_model else load_model_file(given)
        self.autoencoder.requires_grad_(False).eval()
        sizes = latent_sizes(self.autoencoder)
        self.prior = LatentPrior(sizes, elements, properties, **options)
        self.required_derivatives: list[str] = []
        self.model_outputs = [keys.prior_loss]

    @property
    def representation(self) -> nn.Module:
        """The auto-encoder's representation, which knows the cutoff."""
        return self.autoencoder.representation

    @property
    def output_modules(self) -> nn.Module:
        """The auto-encoder's heads, which know channels and units."""
        return self.autoencoder.output_modules

    def initialize_transforms(self, datamodule: Any) -> None:
        """Take units and compositions from the training data."""
        super().initialize_transforms(datamodule)
        self.prior.fit_statistics(*datamodule.training_data())
        self.prior.conditions.units = dict(datamodule.property_units)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the error of the network to the dictionary and return it."""
        latents, values = inputs[keys.latent], inputs[keys.prior_values]
        if self.training:
            inputs[keys.prior_loss] = self.prior.loss(latents, values)
            return inputs
        with torch.random.fork_rng(devices=[]):  # the same noise in every validation
            torch.manual_seed(SEED)
            inputs[keys.prior_loss] = self.prior.loss(latents, values)
        return inputs


def named(autoencoder: str | Path | AtomisticModel | None) -> str | Path | AtomisticModel:
    """The auto-encoder that was named; a ValueError if there is none."""
    if autoencoder is None:
        raise ValueError(
            "name the auto-encoder whose latents are learned, globals.autoencoder=runs/NAME; "
            "spktrain experiment=molfield_pretrain model/representation=molfield_moments trains one"
        )
    return autoencoder


def latent_sizes(autoencoder: AtomisticModel) -> ChartSizes:
    """What the latents of an auto-encoder hold.

    Raises:
        ValueError: if the model writes no latent of charts.
    """
    decoder = getattr(autoencoder.representation, "decoder", None)
    if decoder is None or not hasattr(decoder, "parts"):
        raise ValueError(
            f"the model's representation is {type(autoencoder.representation).__name__}, which "
            "writes no latent of charts: spktrain experiment=molfield_pretrain trains one that does"
        )
    counts = [size // (2 * order + 1) for order, size in enumerate(decoder.parts[2:])]
    return ChartSizes(decoder.n_charts, *counts)


def load_prior(path: str | Path) -> PriorModel:
    """Read a trained prior.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is another kind of model.
    """
    model = load_model_file(path)
    if not isinstance(model, PriorModel):
        raise ValueError(
            f"{str(path)!r} holds no prior over latents, so nothing can be drawn from it: "
            "spktrain experiment=molfield_prior trains one"
        )
    return model
