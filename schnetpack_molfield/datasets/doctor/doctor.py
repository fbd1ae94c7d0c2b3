"""The data doctor: looks a data set over and names what is wrong with it, one line each."""

from schnetpack_molfield.datasets.doctor.findings import Diagnosis
from schnetpack_molfield.datasets.doctor.missing import check_missing
from schnetpack_molfield.datasets.doctor.observations import Observations
from schnetpack_molfield.datasets.doctor.outliers import check_outliers
from schnetpack_molfield.datasets.doctor.pairs import near_pairs
from schnetpack_molfield.datasets.doctor.repeats import check_repeats
from schnetpack_molfield.datasets.doctor.verdict import check_labels, check_lengths

__all__ = ["examine"]


def examine(observed: Observations) -> Diagnosis:
    """Look for wrong units, signs and orders, unbalanced forces, outliers, copies and gaps.

    Args:
        observed: the frames; labels that aren't there aren't judged.

    Returns:
        What was found; without findings if there is nothing to complain about.
    """
    diagnosis = Diagnosis(len(observed))
    if len(observed) == 0:
        return diagnosis
    check_missing(observed, diagnosis)
    groups = near_pairs(observed)
    check_repeats(observed, groups, diagnosis)
    if check_lengths(observed, diagnosis):
        check_outliers(observed, diagnosis)
        check_labels(observed, groups, diagnosis)
    return diagnosis
