"""Distributions over molecules' functions: priors over latents, learned by flow matching."""

from .conditions import Conditions as Conditions
from .coupling import (
    Coupling as Coupling,
    IndependentCoupling as IndependentCoupling,
    OptimalTransport as OptimalTransport,
)
from .latent_data import LatentData as LatentData
from .model import PriorModel as PriorModel, load_prior as load_prior
from .network import ChartNetwork as ChartNetwork
from .noise import GaussianNoise as GaussianNoise
from .prediction import (
    EndpointPrediction as EndpointPrediction,
    Prediction as Prediction,
    VelocityPrediction as VelocityPrediction,
)
from .prior import LatentPrior as LatentPrior
from .sampler import (
    AncestralSampler as AncestralSampler,
    EulerSampler as EulerSampler,
    HeunSampler as HeunSampler,
    Sampler as Sampler,
)
from .schedule import LinearSchedule as LinearSchedule, Schedule as Schedule
