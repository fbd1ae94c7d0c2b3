"""How good molecules are, whoever made them: stability, validity, novelty, strain, properties."""

from .assessment import Assessment as Assessment, Sizes as Sizes, assess as assess
from .bond_lengths import bond_orders as bond_orders
from .distributions import (
    Distribution as Distribution,
    compare_distributions as compare_distributions,
)
from .edm import judge_by_lengths as judge_by_lengths
from .entries import Entries as Entries, read_entries as read_entries
from .open_babel import judge_by_openbabel as judge_by_openbabel
from .plausibility import bust as bust
from .strain import mmff_strain as mmff_strain, xtb_strain as xtb_strain
from .verdict import Scores as Scores, Verdict as Verdict, score as score
