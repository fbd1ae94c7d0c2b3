"""Data modules that say in one line what is wrong with their database, before training starts."""

from collections.abc import Sequence
from pathlib import Path
from tarfile import TarError
from typing import Any

from hydra.errors import CompactHydraException
from hydra.utils import to_absolute_path
from schnetpack.data import AtomsDataModule, BaseAtomsData, load_dataset

from schnetpack_molfield.checks import did_you_mean
from schnetpack_molfield.datasets.database import replace_when_complete

__all__ = ["AtomsDatabase", "CheckedData", "DataError", "OwnData", "Structures", "check_name"]

IMPORT_HINT = "`molfield import FILES --out FILE.db` makes one from extended XYZ or npz files"


class DataError(CompactHydraException, ValueError):
    """Data that can't be trained on; Hydra programs print it without a traceback."""


def check_name(name: str, choices: Sequence[str], what: str) -> None:
    """Raise a ValueError with a suggestion if `name` isn't one of `choices`."""
    if name not in choices:
        raise ValueError(f"no {what} is called {name!r}: {did_you_mean(name, choices)}")


class CheckedData(AtomsDataModule):
    """Adds checks to a SchNetPack data module; as a base class it comes before that module.

    - A download that fails leaves nothing behind and says how to bring the data in by hand.
    - A database that lacks a property, or is too small for the split, is refused.

    Args:
        datapath: the database; relative to where the command was typed, not to the run's folder.
        kwargs: the other arguments of the data module.

    Raises:
        DataError: here without a `datapath`, else in `prepare_data`; one line that says what to do.
    """

    def __init__(self, *, datapath: str | None, **kwargs: Any) -> None:
        if datapath is None:
            raise DataError(f"name your database with data.datapath=FILE.db; {IMPORT_HINT}")
        super().__init__(datapath=to_absolute_path(datapath), **kwargs)

    def prepare_data(self) -> None:
        """Download if necessary, then check."""
        path = Path(self.datapath)
        if path.exists():
            super().prepare_data()
        else:
            self._download(path)
        database = load_dataset(str(path), self.format)
        self._check_properties(path, database)
        self._check_size(path, len(database))

    def _download(self, path: Path) -> None:
        try:
            with replace_when_complete(path) as partial:
                self.datapath = str(partial)
                super().prepare_data()
        except (OSError, EOFError, TarError) as error:
            raise DataError(
                f"{path} doesn't exist and can't be downloaded ({error}): "
                f"name a database you have with data.datapath=FILE.db; {IMPORT_HINT}"
            ) from error
        finally:
            self.datapath = str(path)

    def _check_properties(self, path: Path, database: BaseAtomsData) -> None:
        available = database.available_properties
        for name in self.load_properties or self.property_units or ():
            if name not in available:
                raise DataError(f"{path} has no property {name!r}: {did_you_mean(name, available)}")

    def _check_size(self, path: Path, available: int) -> None:
        if self.split_file is not None and Path(self.split_file).exists():
            return
        sizes = [size or 0 for size in (self.num_train, self.num_val, self.num_test)]
        wanted = sum(size if size >= 1 else int(size * available) for size in sizes)
        spare = 0 if self.num_test else 1  # without num_test, what is left over is the test set
        if wanted + spare > available:
            raise DataError(
                f"{path} has {available} structures, too few for data.num_train={self.num_train}, "
                f"data.num_val={self.num_val} and a test set; set these two smaller"
            )


class OwnData(CheckedData):
    """A database that the user has to bring; `hint` says how."""

    hint = IMPORT_HINT

    def _download(self, path: Path) -> None:
        raise DataError(f"the database {path} doesn't exist; {self.hint}")


class AtomsDatabase(OwnData):
    """Energies and forces from any SchNetPack database, read in eV and eV/Angstrom.

    `molfield import` and `spkconvert` write such databases.

    Args:
        energy_key: name of the energy in the database.
        forces_key: name of the forces.
        kwargs: the other arguments of `schnetpack.data.AtomsDataModule`.
    """

    def __init__(self, *, energy_key: str, forces_key: str, **kwargs: Any) -> None:
        units = {energy_key: "eV", forces_key: "eV/Ang"}
        super().__init__(load_properties=list(units), property_units=units, **kwargs)


class Structures(OwnData):
    """Structures from any SchNetPack database, without labels: for fields computed from atoms.

    Args:
        kwargs: the arguments of `schnetpack.data.AtomsDataModule`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(load_properties=[], **kwargs)
