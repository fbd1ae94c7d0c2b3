"""Data modules that say in one line what is wrong with their database, before training starts."""

import logging
from collections.abc import Sequence
from pathlib import Path
from tarfile import TarError
from typing import Any

from hydra.errors import CompactHydraException
from hydra.utils import to_absolute_path
from schnetpack.data import (
    AtomsDataModule,
    BaseAtomsData,
    RandomSplit,
    SplittingStrategy,
    load_dataset,
)

from schnetpack_molfield.checks import did_you_mean
from schnetpack_molfield.datasets.split import (
    PARTS,
    DrawFromAll,
    read_split,
    save_split,
    split_counts,
)
from schnetpack_molfield.new_files import replace_when_complete

logger = logging.getLogger(__name__)

__all__ = ["AtomsDatabase", "CheckedData", "DataError", "OwnData", "Structures", "check_name"]

IMPORT_HINT = "`molfield import FILES --out FILE.db` makes one from extended XYZ or npz files"


class DataError(CompactHydraException, ValueError):
    """Data that can't be trained on; Hydra programs print it without a traceback."""


def check_name(name: str, choices: Sequence[str], what: str) -> None:
    """Raise a ValueError with a suggestion if `name` isn't one of `choices`."""
    if name not in choices:
        raise ValueError(f"no {what} is called {name!r}: {did_you_mean(name, choices)}")


def _too_small(path: Path, available: int, num_train: float, num_val: float) -> str:
    return (
        f"{path} has {available} structures, too few for data.num_train={num_train}, "
        f"data.num_val={num_val} and a test set"
        + ("; set these two smaller" if available > 2 else "; a training needs three at least")
    )


class CheckedData(AtomsDataModule):
    """Adds checks to a SchNetPack data module; as a base class it comes before that module.

    - A download that fails leaves nothing behind and says how to bring the data in by hand.
    - A database that lacks a property, or is too small for the split, is refused.
    - A split is drawn from all structures. A split file that is named is used or refused.

    Args:
        datapath: the database; relative to where the command was typed, not to the run's folder.
        split_file: the split to use, likewise; None draws one.
        drawn_split: where a split that is drawn is kept, in the run's folder; a run that is
            continued uses it again. None doesn't keep it.
        kwargs: the other arguments of the data module.

    Raises:
        DataError: here without a `datapath`, else in `prepare_data`; one line that says what to do.
    """

    def __init__(
        self,
        *,
        datapath: str | None,
        split_file: str | None = None,
        drawn_split: str | None = None,
        **kwargs: Any,
    ) -> None:
        if datapath is None:
            raise DataError(f"name your database with data.datapath=FILE.db; {IMPORT_HINT}")
        if Path(datapath).suffix != ".db":
            raise DataError(f"{datapath}: a SchNetPack database must end in .db; {IMPORT_HINT}")
        named = None if split_file is None else to_absolute_path(split_file)
        super().__init__(
            datapath=to_absolute_path(datapath), split_file=named or drawn_split, **kwargs
        )
        self.split_is_named = named is not None
        if type(self.__dict__["splitting"]) is RandomSplit:
            self.splitting: SplittingStrategy = DrawFromAll()

    def prepare_data(self) -> None:
        """Download if necessary, then check, and draw a split that is to be kept."""
        path = Path(self.datapath)
        if path.exists():
            super().prepare_data()
        else:
            self._download(path)
        database = load_dataset(str(path), self.format)
        self._check_properties(path, database)
        self._prepare_split(path, database)

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

    def setup(self, stage: str | None = None) -> None:
        """Load data and split; refuse parts that a training can't do without."""
        super().setup(stage)
        if stage == "fit":
            self._check_parts(len(self.train_idx), len(self.val_idx))

    def _prepare_split(self, path: Path, database: BaseAtomsData) -> None:
        """Read the split, or draw and keep it."""
        file = None if self.split_file is None else Path(self.split_file)
        if self.split_is_named and file is not None and not file.is_file():
            raise DataError(
                f"there is no split {file}; `molfield import --split-file` writes one, "
                "without data.split_file one is drawn"
            )
        if file is not None and file.exists():
            self._read_split(file, database)
            return
        self._counts(path, len(database))
        if file is not None:
            self._draw_split(file, database)

    def _read_split(self, file: Path, database: BaseAtomsData) -> None:
        """Refuse a split file that doesn't belong to the database, or to this run."""
        again = "" if self.split_is_named else "; take another run.id, or delete it"
        try:
            parts = read_split(file, database)
        except ValueError as error:
            raise DataError(f"{file.absolute()}: {error}{again}") from error
        counts = [len(part) for part in parts.values()]
        if self.split_is_named:
            self.num_train, self.num_val, self.num_test = counts
        elif counts != self._counts(Path(self.datapath), len(database)):
            raise DataError(
                f"{file.absolute()}: this run was started with {counts[0]} + {counts[1]} + "
                f"{counts[2]} structures, now it is data.num_train={self.num_train}, "
                f"data.num_val={self.num_val} and data.num_test={self.num_test}{again}"
            )

    def _draw_split(self, file: Path, database: BaseAtomsData) -> None:
        sizes = (self.num_train, self.num_val, self.num_test)
        parts = self.splitting.split(database, *sizes)
        save_split(file, dict(zip(PARTS, parts, strict=True)), database)

    def _counts(self, path: Path, available: int) -> list[int]:
        """How many structures are trained, validated and tested on, if the split is drawn."""
        if self.num_train is None or self.num_val is None:
            raise DataError("say with data.num_train and data.num_val how large the split is to be")
        counts = split_counts(available, (self.num_train, self.num_val, self.num_test))
        rest = counts[2] if self.num_test is None else available - sum(counts)
        if rest < (self.num_test is None):  # without num_test, what is left over is the test set
            raise DataError(_too_small(path, available, self.num_train, self.num_val))
        self._check_parts(*counts[:2])
        return counts

    def _check_parts(self, n_train: int, n_val: int) -> None:
        for name, count, reason in (
            ("train", n_train, "there is nothing to train on"),
            ("val", n_val, "learning rate and best model follow the validation error"),
        ):
            if count == 0:
                source = self.split_file if self.split_is_named else f"data.num_{name}=0"
                raise DataError(f"no {name} structures ({source}): {reason}; take one at least")
        if self.batch_size > n_train:
            message = (
                f"data.batch_size={self.batch_size} is larger than the training set ({n_train})"
            )
            if self.train_sampler_cls is not None:
                raise DataError(f"{message}: with a sampler that leaves no batch")
            logger.warning("%s: every epoch is one step", message)


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
