"""Latents of molecules, the functions they stand for, and the atoms these show."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from schnetpack.interfaces import AtomsConverter
from schnetpack.model import AtomisticModel
from schnetpack.transform import MatScipyNeighborList
from torch import Tensor

from schnetpack_molfield import properties as keys
from schnetpack_molfield.fields.molecular_field import MolecularField
from schnetpack_molfield.fields.peaks import find_peaks
from schnetpack_molfield.fields.read_back import element_channels, molecules_of
from schnetpack_molfield.model_files import load_model_file

__all__ = ["LatentSpace"]

#: Latents whose functions are asked together.
BLOCK = 256
#: Distance in Angstrom from its chart at which hydrogens are looked for.
BOND = 1.05
#: Directions from a chart in which they are looked for.
N_DIRECTIONS = 20
#: Pairs of a point and a chart of which derivatives are computed together.
PAIRS_PER_BLOCK = 2**17


class LatentSpace:
    """The two halves of a trained auto-encoder: from molecules to latents, and back.

    Example:
        >>> space = LatentSpace("best_model")
        >>> latents = space.encode(molecules)  # (n_molecules, n_latent)
        >>> space.decode(latents)  # as many ase.Atoms
        >>> space.field(latents[0]).to_cube("carbon.cube", channel="C")

    Attributes:
        n_latent: length of a latent.
        channels: names of the channels of its function.
        elements: atomic numbers by the columns of those channels that are elements.

    Args:
        model: file `best_model` or `*.safetensors`, the folder of a run, or a model, with
            `ChartAutoencoder` or `MomentAutoencoder` as its representation.
        device: where to compute.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it isn't a model, or has no latent of fixed length or no channels of
            elements.
    """

    def __init__(
        self, model: str | Path | AtomisticModel, device: torch.device | str = "cpu"
    ) -> None:
        own = deepcopy(model) if isinstance(model, AtomisticModel) else load_model_file(model)
        self._autoencoder = own.representation
        self._decoder: Any = getattr(own.representation, "decoder", None)
        if not hasattr(own.representation, "encode") or self._decoder is None:
            raise ValueError(
                f"the model's representation is {type(own.representation).__name__}, which writes "
                "no latent: train one by spktrain experiment=molfield_pretrain"
            )
        own.to(device).requires_grad_(False).eval()
        self._input_modules = own.input_modules
        self.device = torch.device(device)
        self.dtype = next(own.parameters()).dtype
        heads = [module for module in own.output_modules if hasattr(module, "of_function")]
        if not heads:
            raise ValueError("the model has no field of channels: train one with FieldValue")
        self._head = heads[0]
        self.channels = list(self._head.channels)
        self.elements = element_channels(self.channels)
        self.n_latent = int(self._decoder.n_latent)
        neighbors = MatScipyNeighborList(float(own.representation.cutoff))
        self._convert = AtomsConverter(neighbors, device=self.device, dtype=self.dtype)

    def encode(self, molecules: Sequence[Atoms]) -> Tensor:
        """Latents (n_molecules, n_latent) of molecules.

        Raises:
            ValueError: for a molecule that the latent can't hold.
        """
        latents = [torch.zeros(0, self.n_latent, dtype=self.dtype, device=self.device)]
        for start in range(0, len(molecules), BLOCK):
            try:
                latents.append(self._encode(list(molecules[start : start + BLOCK])))
            except ValueError as error:
                raise ValueError(f"in the batch from molecule {start} on: {error}") from error
        return torch.cat(latents)

    def decode(self, latents: Tensor, level: float | None = None) -> list[Atoms]:
        """Molecules that latents (n_molecules, n_latent) stand for, read off their functions.

        Heavy atoms come first in every molecule. A function without peaks gives one without atoms.

        Args:
            latents: shape (n_molecules, n_latent).
            level: height from which a peak is an atom; half the highest value of the molecule's
                function if None.
        """
        molecules: list[Atoms] = []
        for block in self._checked(latents).split(BLOCK):
            molecules += self._decode(block, level)
        return molecules

    def field(self, latent: Tensor, atoms: Atoms | None = None) -> MolecularField:
        """The function that a latent (n_latent,) stands for, around its charts.

        Args:
            latent: shape (n_latent,).
            atoms: those of the field; the origins of the charts, without elements, if there are
                none.
        """
        inputs = self._charts(self._checked(latent.unsqueeze(0)))
        origins = inputs[keys.origins].double().numpy(force=True)  # (n_charts, 3)

        def evaluate(points: Tensor) -> Tensor:
            return self._evaluate(points, points.new_zeros(len(points), dtype=torch.long), inputs)

        size = max(1, PAIRS_PER_BLOCK // max(1, len(origins)))
        shown = atoms if atoms is not None and len(atoms) else Atoms(positions=origins)
        return MolecularField(evaluate, shown, self.channels, "", self.dtype, self.device, size)

    @torch.no_grad()
    def _encode(self, molecules: list[Atoms]) -> Tensor:
        inputs = self._convert(molecules)
        for module in self._input_modules:
            inputs = module(inputs)
        return self._autoencoder.encode(inputs)

    def _decode(self, latents: Tensor, level: float | None) -> list[Atoms]:
        if not latents.unflatten(1, (self._decoder.n_charts, -1))[:, :, 3].any():
            return [Atoms() for _ in latents]  # no chart is in use
        inputs = self._charts(latents)
        origins, owner = inputs[keys.origins], inputs[keys.chart_idx_m]
        around = _seeds().to(origins)  # (n_around, 3)
        seeds = (origins.unsqueeze(1) + around).flatten(0, 1)
        idx_m = owner.repeat_interleave(len(around))
        columns = list(self.elements)

        def evaluate(points: Tensor, idx_m: Tensor) -> Tensor:
            return self._evaluate(points, idx_m, inputs)[:, columns]

        peaks = find_peaks(evaluate, seeds, idx_m, level)
        return molecules_of(peaks, list(self.elements.values()), len(latents))

    def _checked(self, latents: Tensor) -> Tensor:
        """Latents in the dtype and on the device of the model; a ValueError for another shape."""
        if latents.dim() != 2 or latents.shape[1] != self.n_latent:
            raise ValueError(
                f"latents of shape {tuple(latents.shape)}, those of this model are "
                f"(n_molecules, {self.n_latent})"
            )
        if not latents.isfinite().all():
            bad = int((~latents.isfinite().all(dim=1)).nonzero()[0])
            raise ValueError(f"latent {bad} has numbers that aren't finite")
        return latents.to(device=self.device, dtype=self.dtype)

    def _charts(self, latents: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            return self._decoder({keys.latent: latents})

    def _evaluate(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """Channels (n_points, n_channels) of functions of latents."""
        return self._head.of_function(self._decoder.read(points, idx_m, inputs))


def _seeds() -> Tensor:
    """Where atoms are looked for around a chart: (1 + N_DIRECTIONS, 3) in Angstrom."""
    k = np.arange(N_DIRECTIONS) + 0.5
    height, angle = 1 - 2 * k / N_DIRECTIONS, np.pi * (1 + 5**0.5) * k
    radius = np.sqrt(1 - height**2)  # of a Fibonacci lattice on the sphere
    sphere = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)
    return torch.as_tensor(np.concatenate([np.zeros((1, 3)), BOND * sphere]))
