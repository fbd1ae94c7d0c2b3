"""QM9: SchNetPack's own data module with a clear word when it can't work, and a small sample."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schnetpack import datasets

from schnetpack_molfield.datasets.checked import CheckedData, check_name
from schnetpack_molfield.datasets.database import write_database
from schnetpack_molfield.datasets.qm9_reference import TARGETS
from schnetpack_molfield.datasets.sources import read_archive

__all__ = ["QM9", "SAMPLE", "QM9Sample"]

SAMPLE = Path(__file__).with_name("qm9_sample.npz")


class QM9(CheckedData, datasets.QM9):
    """All of QM9 (Ramakrishnan et al. 2014), downloaded at first use.

    Args:
        property: the one property that is trained on; only this one is loaded.
        property_units: units to convert to, by property.
        remove_uncharacterized: leave out the 3,054 molecules that failed QM9's consistency check.
        kwargs: the other arguments of `schnetpack.datasets.QM9`.

    Raises:
        ValueError: if `property` isn't one of QM9's twelve targets.
    """

    def __init__(
        self,
        *,
        property: str,
        property_units: Mapping[str, str] | None = None,
        remove_uncharacterized: bool = True,
        **kwargs: Any,
    ) -> None:
        check_name(property, TARGETS, "property of QM9")
        units = {name: unit for name, unit in (property_units or {}).items() if name == property}
        super().__init__(
            load_properties=[property],
            property_units=units,
            remove_uncharacterized=remove_uncharacterized,
            **kwargs,
        )


class QM9Sample(QM9):
    """2,000 molecules drawn from QM9 that ship with this package, for a first training run.

    All 15 properties in QM9's own units; H, C, N and O only; drawn at random from the molecules
    of which all properties were at hand. QM9 is in the public domain (CC0), doi
    10.6084/m9.figshare.978904; please cite Ramakrishnan, Dral, Rupp & von Lilienfeld, Sci. Data 1,
    140022 (2014).

    Takes the arguments of `QM9`.
    """

    def prepare_data(self) -> None:
        """Write the database at `datapath` unless it is there."""
        if not Path(self.datapath).exists():
            write_database(Path(self.datapath), [read_archive(SAMPLE)])
        super().prepare_data()
