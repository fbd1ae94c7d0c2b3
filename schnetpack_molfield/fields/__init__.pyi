"""Fields: functions of space that belong to molecules, exact ones and any others."""

from .atom_function import AtomBatch as AtomBatch, AtomFunction as AtomFunction
from .distance import (
    BallDistance as BallDistance,
    ExactDistance as ExactDistance,
    GaussianDistance as GaussianDistance,
    SmoothDistance as SmoothDistance,
    SolventExcludedDistance as SolventExcludedDistance,
    molecular_surface as molecular_surface,
)
from .field import Field as Field
from .grid import Grid as Grid
from .latent_space import LatentSpace as LatentSpace
from .molecular_field import MolecularField as MolecularField
from .promolecule import PromoleculeDensity as PromoleculeDensity
from .quadrature import (
    add_quadrature as add_quadrature,
    atom_centered_quadrature as atom_centered_quadrature,
)
from .quantum import QuantumCalculation as QuantumCalculation
from .vector_function import VectorFunction as VectorFunction
