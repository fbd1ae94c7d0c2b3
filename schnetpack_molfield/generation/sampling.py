"""Drawing molecules from a trained prior, block by block."""

from __future__ import annotations

import torch
from ase import Atoms
from torch import Tensor

from schnetpack_molfield import properties as keys
from schnetpack_molfield.generation.model import PriorModel
from schnetpack_molfield.generation.requests import SampleRequest, check_request, property_values
from schnetpack_molfield.generation.sampler import SAMPLERS

__all__ = ["BLOCK", "SampleDrawer", "with_latents"]

#: Samples that are drawn together; each block has random numbers of its own.
BLOCK = 250


class SampleDrawer:
    """Draws latents from a prior and reads molecules off their functions.

    Args:
        model: a trained prior.
        request: what the samples are to be.
        device: where to compute.

    Attributes:
        warnings: what lies beyond the training data, a line each.

    Raises:
        ValueError: for what the prior can't make, see `check_request`.
    """

    def __init__(self, model: PriorModel, request: SampleRequest, device: str = "cpu") -> None:
        from schnetpack_molfield.checks import check_choice
        from schnetpack_molfield.fields import LatentSpace

        check_choice("sampler", request.sampler, list(SAMPLERS))
        self.warnings = check_request(request, model.prior)
        self.request = request
        self.prior = model.prior.to(device).eval()
        self.space = LatentSpace(model.autoencoder, device)
        self._values = property_values(request, self.prior.conditions)

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return -(-self.request.n // BLOCK)

    def latents(self, block: int) -> Tensor:
        """Latents of a block, (n_samples, n_latent)."""
        request = self.request
        n = min(BLOCK, request.n - block * BLOCK)
        generator = torch.Generator().manual_seed(request.seed * 1_000_003 + block)
        compositions = self._compositions(n, generator)
        conditions = self.prior.conditions
        condition = conditions(*conditions.values_of(compositions, self._values))
        heavy = [column for column, symbol in enumerate(conditions.elements) if symbol != "H"]
        n_charts = compositions[:, heavy].sum(dim=1).long()
        n_charts = torch.where(n_charts == 0, compositions.sum(dim=1).long(), n_charts)
        sampler = SAMPLERS[request.sampler]()
        return self.prior.sample(
            n_charts, condition, request.n_steps, sampler, request.guidance, generator
        )

    def molecules(self, block: int) -> list[Atoms]:
        """Molecules of a block, each with its latent in `info`."""
        latents = self.latents(block)
        return with_latents(self.space.decode(latents), latents)

    def _compositions(self, n: int, generator: torch.Generator) -> Tensor:
        """Compositions (n, n_elements), given or drawn from the training data."""
        if self.request.composition is None:
            return self.prior.draw_compositions(n, generator, self.request.n_charts)
        counts = [self.request.composition.get(s, 0) for s in self.prior.conditions.elements]
        return self.prior.compositions.new_tensor(counts).repeat(n, 1)


def with_latents(molecules: list[Atoms], latents: Tensor) -> list[Atoms]:
    """The molecules, each with its latent in `info`."""
    for atoms, latent in zip(molecules, latents, strict=True):
        atoms.info[keys.latent] = latent.double().numpy(force=True)
    return molecules
