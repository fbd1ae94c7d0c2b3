"""Representations: MolField and the parts it is made of."""

from schnetpack_molfield.representation.chart_latent import (
    ChartAutoencoder,
    ChartDecoder,
    ChartEncoder,
    ChartSizes,
)
from schnetpack_molfield.representation.frames import FRAMES
from schnetpack_molfield.representation.hypernetwork import HYPERNETWORKS
from schnetpack_molfield.representation.inr import CanonicalINR
from schnetpack_molfield.representation.latent_atlas import LatentAtlas, LatentTable
from schnetpack_molfield.representation.molfield import MolField
from schnetpack_molfield.representation.tokenization import WeightTokenizer
from schnetpack_molfield.representation.trajectory_atlas import TrajectoryAtlas

__all__ = [
    "FRAMES",
    "HYPERNETWORKS",
    "CanonicalINR",
    "ChartAutoencoder",
    "ChartDecoder",
    "ChartEncoder",
    "ChartSizes",
    "LatentAtlas",
    "LatentTable",
    "MolField",
    "TrajectoryAtlas",
    "WeightTokenizer",
]
