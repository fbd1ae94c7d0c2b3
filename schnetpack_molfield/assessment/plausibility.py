"""PoseBusters' tests of single molecules: is the geometry physically plausible?"""

from collections.abc import Sequence
from typing import Any

from schnetpack_molfield.checks import optional_import

__all__ = ["bust"]

#: Test that takes seconds for a molecule, and asks what `strain` answers.
SLOW = "energy_ratio"


def bust(molecules: Sequence[Any]) -> dict[str, float]:
    """Percentage of molecules that pass each of PoseBusters' tests, and all of them.

    All tests of single molecules but the ratio of energies, see `mmff_strain` for those.

    Args:
        molecules: RDKit's, sanitized, with hydrogens and positions.

    Raises:
        ImportError: if PoseBusters is missing.
    """
    posebusters = optional_import("posebusters", "generation")
    config = dict(posebusters.PoseBusters("mol").config)
    config["modules"] = [m for m in config["modules"] if m["function"] != SLOW]
    with optional_import("rdkit.rdBase", "generation").BlockLogs():
        passed = posebusters.PoseBusters(config).bust(list(molecules))  # a table, a row each
    shares = 100 * passed.astype(bool).mean(axis=0)
    tests = {str(name): float(share) for name, share in shares.items()}
    return {**tests, "all tests": float(100 * passed.astype(bool).all(axis=1).mean())}
