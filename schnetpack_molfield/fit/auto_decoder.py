"""Auto-decoder: fields as functions of a point and a latent, without atoms."""

from torch import Tensor, nn

from schnetpack_molfield import properties as keys
from schnetpack_molfield.atomistic.field_value import FieldValue
from schnetpack_molfield.representation.latent_atlas import LatentAtlas, LatentTable

__all__ = ["AutoDecoder"]


class AutoDecoder(nn.Module):
    r"""A family of fields :math:`F(x; z_m)` with one latent :math:`z_m` per member.

    Park et al. 2019 (DeepSDF), arXiv:1901.05103; Lhotka & Probst 2025, arXiv:2502.10848.

    Args:
        atlas: charts as functions of the latent, and the function they make.
        head: maps that function to channels.
        latents: (n_members, n_latent) to start from.
    """

    def __init__(self, atlas: LatentAtlas, head: FieldValue, latents: Tensor) -> None:
        super().__init__()
        self.table = LatentTable(latents)
        self.atlas = atlas
        self.head = head

    @property
    def latents(self) -> Tensor:
        """(n_members, n_latent)."""
        return self.table.latents

    def forward(self, latents: Tensor, points: Tensor, idx_m: Tensor) -> Tensor:
        """Values (n_points, n_channels) of the fields with these latents.

        Args:
            latents: (n_fields, n_latent), of members or of anything between.
            points: (n_points, 3) in Angstrom.
            idx_m: (n_points,) which of the latents each point belongs to.
        """
        asked = {keys.points: points, keys.point_idx_m: idx_m}
        inputs = self.atlas({keys.latent: latents} | asked)
        return self.head.values(inputs[keys.values], points, idx_m, inputs)
