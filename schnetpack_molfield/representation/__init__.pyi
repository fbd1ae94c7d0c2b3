"""Representations: MolField and the parts it is made of."""

from .chart_latent import (
    ChartAutoencoder as ChartAutoencoder,
    ChartDecoder as ChartDecoder,
    ChartEncoder as ChartEncoder,
    ChartSizes as ChartSizes,
)
from .frames import FRAMES as FRAMES
from .hydrogen_moments import (
    MomentAutoencoder as MomentAutoencoder,
    MomentEncoder as MomentEncoder,
)
from .hypernetwork import HYPERNETWORKS as HYPERNETWORKS
from .inr import CanonicalINR as CanonicalINR
from .latent_atlas import LatentAtlas as LatentAtlas, LatentTable as LatentTable
from .molfield import MolField as MolField
from .tokenization import WeightTokenizer as WeightTokenizer
from .trajectory_atlas import TrajectoryAtlas as TrajectoryAtlas
