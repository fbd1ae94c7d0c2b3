"""What electron densities are asked for: moments, charges, potentials, starts of calculations."""

from .charges import atomic_charges as atomic_charges
from .difference import (
    DensityDifference as DensityDifference,
    density_difference as density_difference,
)
from .moments import dipole_moment as dipole_moment, quadrupole_moment as quadrupole_moment
from .scf_runs import ScfRun as ScfRun, compare_starts as compare_starts
from .scf_start import density_matrix_of as density_matrix_of
