"""An atlas without atoms: charts whose origins and features are functions of a latent."""

from typing import Any

import schnetpack.properties as properties
import torch
from schnetpack.nn import GaussianRBF
from torch import Tensor, nn

from schnetpack_molfield import properties as keys
from schnetpack_molfield.nn.cutoff import SmoothCutoff
from schnetpack_molfield.nn.irreps import DEGREE, n_rows
from schnetpack_molfield.representation.function import FieldFunction
from schnetpack_molfield.representation.inr import CanonicalINR

__all__ = ["LatentAtlas", "LatentTable", "checked_latent", "write_charts"]


def checked_latent(inputs: dict[str, Tensor], n_latent: int) -> Tensor:
    """The latents (n_models, n_latent) in the dictionary; a ValueError for another shape."""
    latent = inputs[keys.latent]
    if latent.dim() != 2 or latent.shape[1] != n_latent:
        raise ValueError(f"field_latent has shape {latent.shape}, expected (n_models, {n_latent})")
    return latent


def write_charts(
    inputs: dict[str, Tensor], origins: Tensor, features: Tensor, n_charts: Tensor
) -> dict[str, Tensor]:
    """Add charts to the dictionary, which for the modules behind are atoms without an element.

    Args:
        inputs: SchNetPack's dictionary.
        origins: of all charts, model by model, (n_all_charts, 3).
        features: shape (n_all_charts, n_rows, n_channels).
        n_charts: charts of each model, (n_models,).
    """
    models = torch.arange(n_charts.shape[0], device=n_charts.device)
    idx_m = torch.repeat_interleave(models, n_charts)  # (n_all_charts,)
    inputs[keys.origins] = origins
    inputs[keys.features] = features
    inputs[keys.chart_idx_m] = idx_m
    inputs[properties.R] = origins
    inputs[properties.idx_m] = idx_m
    inputs[properties.Z] = torch.zeros_like(idx_m)
    inputs[properties.n_atoms] = n_charts
    return inputs


class LatentAtlas(nn.Module):
    r"""Learnable charts of a family of fields, one latent z per member (auto-decoder).

    .. math:: o_c(z) = o_c + \sum_k z_k D_{kc}, \qquad
              X_c(z) = X_c + \sum_r (V^T z)_r U_{rc}

    The origins o and the features X (e3nn irreps 0e + 1o + 2e) of all charts are free parameters.
    A latent moves the origins along directions D and, by an update of low rank, changes the
    features. It sees no atoms: conformations, models of an NMR ensemble or times are points z of
    one latent space. The charts make a `FieldFunction`, as those of `MolField` do. All charts
    share its INR, so what is learned about the shape of one bump is known to all of them.

    It takes the place of a representation in SchNetPack's models. For the modules behind it a
    chart counts as an atom without an element. Of these keys n_all is n_models * n_charts; those
    of `FieldFunction` are read and written, too.

    ====================  ===============================  ================================
    key                   shape                            meaning
    ====================  ===============================  ================================
    field_latent          (n_models, n_latent)             read: one latent per member
    field_features        (n_all, n_rows, n_channels)      written: features of the charts
    field_origins         (n_all, 3)                       written: origins in Angstrom
    field_idx_m           (n_all,)                         written: member of each chart
    _atomic_numbers       (n_all,)                         written: 0
    _positions            (n_all, 3)                       written: the origins
    _idx_m                (n_all,)                         written: member of each chart
    _n_atoms              (n_models,)                      written: n_charts
    ====================  ===============================  ================================

    Auto-decoder: Park et al. 2019 (DeepSDF), arXiv:1901.05103. Latent and field of a molecule:
    Lhotka & Probst 2025, arXiv:2502.10848.

    Args:
        origins: (n_charts, 3) where the charts start, in Angstrom; see `field_peaks`.
        n_channels: number of channels of the charts' features.
        n_latent: length of the latent.
        rank: rank of the latent's update of the features.
        moves: (n_latent, n_charts, 3) directions D to start from; zeros by default.
        cutoff: radius of a chart in Angstrom.
        n_hidden: width of the function, `n_channels` by default.
        n_rbf: number of radial functions.
        degree: largest degree of features and function; 0 makes isotropic bumps.
        pairs_per_block: see `FieldFunction`.
        inr: options of `CanonicalINR`, such as `frame` and `hypernetwork`.

    Raises:
        ValueError: for origins or moves of the wrong shape, and when called, for latents of the
            wrong shape.
    """

    model_outputs: list[str]

    def __init__(
        self,
        origins: Tensor,
        n_channels: int = 64,
        n_latent: int = 16,
        rank: int = 8,
        moves: Tensor | None = None,
        cutoff: float = 4.0,
        n_hidden: int | None = None,
        n_rbf: int = 20,
        degree: int = DEGREE,
        pairs_per_block: int = 2**16,
        **inr: Any,
    ) -> None:
        super().__init__()
        if origins.dim() != 2 or origins.shape[1] != 3 or len(origins) == 0:
            raise ValueError(
                f"origins must have shape (n_charts, 3), got {tuple(origins.shape)}; "
                "an atlas needs at least one chart"
            )
        n_charts = len(origins)
        moves = origins.new_zeros(n_latent, n_charts, 3) if moves is None else moves
        if moves.shape != (n_latent, n_charts, 3):
            raise ValueError(
                f"moves must have shape {(n_latent, n_charts, 3)}, got {tuple(moves.shape)}"
            )
        self.n_latent = n_latent
        self.n_atom_basis = n_channels
        self.model_outputs = []
        self.origins = nn.Parameter(origins.detach().clone())
        self.moves = nn.Parameter(moves.detach().clone())
        features = origins.new_zeros(n_charts, n_rows(degree), n_channels)
        nn.init.normal_(features[:, 0], std=0.1)  # charts differ, but know no directions yet
        self.features = nn.Parameter(features)
        self.gates = nn.Parameter(nn.init.normal_(moves.new_empty(n_latent, rank)) / n_latent**0.5)
        self.updates = nn.Parameter(origins.new_zeros(rank, *features.shape))
        self.function = FieldFunction(
            n_channels,
            CanonicalINR(n_channels, n_hidden or n_channels, degree=degree, **inr),
            GaussianRBF(n_rbf, cutoff),
            SmoothCutoff(cutoff),
            pairs_per_block=pairs_per_block,
        )

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the keys of the class docstring to the dictionary and return it."""
        latent = checked_latent(inputs, self.n_latent)
        origins, features = self.charts(latent)
        n_charts = torch.full_like(latent[:, 0], self.origins.shape[0], dtype=torch.long)
        inputs = write_charts(inputs, origins.flatten(0, 1), features.flatten(0, 1), n_charts)
        return self.function(inputs)

    def read(self, points: Tensor, idx_m: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """The function at more points of members in the dictionary; see `MolField.read`."""
        return self.function.read(points, idx_m, inputs)

    def charts(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Origins and features of the charts.

        Args:
            latent: shape (n_models, n_latent).

        Returns:
            origins (n_models, n_charts, 3), features (n_models, n_charts, n_rows, n_channels).
        """
        origins = self.origins + torch.einsum("ml,lcx->mcx", latent, self.moves)
        gates = latent @ self.gates  # (n_models, rank)
        return origins, self.features + torch.einsum("mr,rckf->mckf", gates, self.updates)


class LatentTable(nn.Module):
    """The latents of the members that were fitted, as an input module of a SchNetPack model.

    Writes `field_latent` (n_models, n_latent): the rows of the members named by `field_member`
    (n_models,). A `field_latent` that is there already is kept, so a point between members can be
    asked for.

    Args:
        latents: (n_members, n_latent) to start from.
    """

    def __init__(self, latents: Tensor) -> None:
        super().__init__()
        self.latents = nn.Parameter(latents.detach().clone())

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Add the latents to the dictionary and return it."""
        if keys.latent not in inputs:
            inputs[keys.latent] = self.latents[inputs[keys.member]]
        return inputs
