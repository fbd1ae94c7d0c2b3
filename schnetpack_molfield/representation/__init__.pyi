"""Representations: MolField and the parts it is made of."""

from .chart_latent import (
    ChartAutoencoder as ChartAutoencoder,
)
from .chart_latent import (
    ChartDecoder as ChartDecoder,
)
from .chart_latent import (
    ChartEncoder as ChartEncoder,
)
from .chart_latent import (
    ChartSizes as ChartSizes,
)
from .frames import FRAMES as FRAMES
from .hypernetwork import HYPERNETWORKS as HYPERNETWORKS
from .inr import CanonicalINR as CanonicalINR
from .latent_atlas import LatentAtlas as LatentAtlas
from .latent_atlas import LatentTable as LatentTable
from .molfield import MolField as MolField
from .tokenization import WeightTokenizer as WeightTokenizer
from .trajectory_atlas import TrajectoryAtlas as TrajectoryAtlas
