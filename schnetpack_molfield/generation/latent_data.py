"""Latents of a database as training data: computed once, kept beside it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.data import chemical_symbols
from pytorch_lightning import LightningDataModule
from schnetpack import properties
from schnetpack.data import AtomsDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from schnetpack_molfield import properties as keys
from schnetpack_molfield.checks import check_unit, did_you_mean
from schnetpack_molfield.datasets.checked import DataError
from schnetpack_molfield.datasets.split import database_mark
from schnetpack_molfield.generation.model import named
from schnetpack_molfield.model_files import find_model_file
from schnetpack_molfield.new_files import replace_when_complete
from schnetpack_molfield.progress import watched

__all__ = ["LatentData"]

logger = logging.getLogger(__name__)

#: Molecules that are encoded together.
BLOCK = 1000


class LatentData(LightningDataModule):
    """Hands out latents and what is known of the molecules, in batches.

    Latents of the whole database are computed when they are first needed and kept beside it, in
    FILE.latents.npz, until the database, the auto-encoder or the properties are others.

    Args:
        source: data module of the molecules; split and database are its own.
        autoencoder: the one that `PriorModel` has; file, folder or name.
        elements: symbols of all elements.
        properties: scalar properties of the database; molecules without one have NaN.
        batch_size: molecules in a batch.
        kwargs: what SchNetPack's commands hand to any data module.

    Raises:
        DataError: for elements that aren't named, and properties that the database doesn't have.
    """

    def __init__(
        self,
        source: AtomsDataModule,
        autoencoder: str | None,
        elements: Sequence[str],
        properties: Sequence[str] = (),
        batch_size: int = 64,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.source = source
        self.autoencoder = autoencoder
        self.elements = list(elements)
        self.properties = list(properties)
        self.batch_size = batch_size
        self.latents: Tensor | None = None
        self.values: Tensor | None = None

    def __getattr__(self, name: str) -> Any:
        """What is the source's: `dataset`, `train_idx` and the other parts."""
        if name in ("dataset", "train_idx", "val_idx", "test_idx"):
            return getattr(self.source, name)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    @property
    def property_units(self) -> dict[str, str]:
        """Units of the properties in the database."""
        units = self.dataset.metadata["_property_unit_dict"]
        return {name: str(units.get(name) or "") for name in self.properties}

    def prepare_data(self) -> None:
        """Let the source fetch its database."""
        self.source.prepare_data()

    def setup(self, stage: str | None = None) -> None:
        """Split, and read or compute the latents."""
        self.source.setup(stage)
        if self.latents is not None:
            return
        file = Path(self.source.datapath).with_suffix(".latents.npz")
        mark = self._mark()
        found = _read_cache(file, mark)
        if found is None:
            found = self._encode()
            with replace_when_complete(file) as partial, partial.open("wb") as target:
                np.savez(target, mark=mark, latents=found[0], values=found[1])
        self.latents, self.values = map(torch.from_numpy, found)

    def training_data(self) -> tuple[Tensor, Tensor]:
        """Latents (n_molecules, n_latent) and values (n_molecules, n_values) to train on."""
        assert self.latents is not None and self.values is not None, "call setup first"
        rows = torch.as_tensor(self.train_idx)
        return self.latents[rows], self.values[rows]

    def train_dataloader(self) -> DataLoader:
        """Batches of the training set, in an order that is drawn anew."""
        return self._loader(self.train_idx, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        """Batches of the validation set."""
        return self._loader(self.val_idx)

    def test_dataloader(self) -> DataLoader:
        """Batches of the test set."""
        return self._loader(self.test_idx)

    def _loader(self, index: Sequence[int], shuffle: bool = False) -> DataLoader:
        rows: Any = torch.as_tensor(index)  # a list of numbers is a data set as well
        return DataLoader(
            rows,
            batch_size=self.batch_size,
            shuffle=shuffle,
            drop_last=shuffle and len(index) >= self.batch_size,
            collate_fn=self._batch,
        )

    def _batch(self, index: list[Tensor]) -> dict[str, Tensor]:
        assert self.latents is not None and self.values is not None
        rows = torch.stack(index)
        return {
            properties.idx: rows,
            keys.latent: self.latents[rows],
            keys.prior_values: self.values[rows],
        }

    def _mark(self) -> str:
        """What the latents depend on."""
        model = find_model_file(str(named(self.autoencoder))).read_bytes()
        parts = [database_mark(self.dataset), *self.elements, *self.properties]
        return hashlib.sha256(model + " ".join(parts).encode()).hexdigest()[:16]

    def _encode(self) -> tuple[np.ndarray, np.ndarray]:
        """Latents and values of all molecules, in the order of the database."""
        from schnetpack_molfield.fields import LatentSpace

        missing = [n for n in self.properties if n not in self.dataset.available_properties]
        if missing:
            hint = did_you_mean(missing[0], self.dataset.available_properties)
            raise DataError(f"{self.source.datapath} has no property {missing[0]!r}: {hint}")
        space = LatentSpace(str(self.autoencoder))
        molecules, values = [], []
        for atoms, row in self._rows():
            molecules.append(atoms)
            values.append(row)
        blocks = [molecules[i : i + BLOCK] for i in range(0, len(molecules), BLOCK)]
        latents = [space.encode(block).numpy(force=True) for block in watched(blocks, "latents")]
        return np.concatenate(latents), np.array(values, dtype=np.float32)

    def _rows(self) -> Iterator[tuple[Atoms, list[float]]]:
        numbers = [chemical_symbols.index(symbol) for symbol in self.elements]
        length = check_unit(self.dataset.metadata["_distance_unit"], "length")
        for row in self.dataset.conn.select():
            counts = [int((row.numbers == number).sum()) for number in numbers]
            if sum(counts) != len(row.numbers):
                others = set(row.numbers.tolist()) - set(numbers)
                raise DataError(
                    f"{self.source.datapath}: molecule {row.id - 1} has "
                    f"{chemical_symbols[min(others)]}, which isn't among globals.elements"
                )
            known = [float(np.ravel(row.data[name])[0]) for name in self.properties]
            yield Atoms(row.numbers, row.positions * length), [*counts, len(row.numbers), *known]


def _read_cache(file: Path, mark: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Latents and values that were kept, if they are those of this mark."""
    if not file.is_file():
        return None
    with np.load(file) as kept:
        if str(kept["mark"]) != mark:
            logger.info("%s belongs to other data or models: latents are computed anew", file)
            return None
        return kept["latents"], kept["values"]
