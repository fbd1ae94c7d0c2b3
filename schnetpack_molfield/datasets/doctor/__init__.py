"""The data doctor: is a set of structures with energies and forces fit for training?"""

from schnetpack_molfield.datasets.doctor.doctor import examine
from schnetpack_molfield.datasets.doctor.findings import Diagnosis, Finding
from schnetpack_molfield.datasets.doctor.observations import Observations, Observer

__all__ = ["Diagnosis", "Finding", "Observations", "Observer", "examine"]
