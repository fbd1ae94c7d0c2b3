"""Single-atom energies of a training set: what its database knows of them, the rest fitted."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from ase.data import chemical_symbols
from pytorch_lightning.utilities import rank_zero_only
from schnetpack import properties
from schnetpack.data import AtomsDataModule, AtomsLoader, BaseAtomsData

__all__ = ["N_ELEMENTS", "Offsets", "fit_offsets", "training_offsets"]

log = logging.getLogger(__name__)

N_ELEMENTS = len(chemical_symbols)
#: An atom is isolated if its periodic images are further away than that, in Angstrom.
ISOLATED = 8.0


@dataclass(frozen=True)
class Offsets:
    """What is subtracted from the energies of a training set, in the unit they are loaded in.

    Attributes:
        atomrefs: energy of an atom by atomic number, shape (119,); 0 for elements without one.
        mean: mean of what is left, per atom.
        known: the elements whose energies were known beforehand, and from where.
        rank: how many single-atom energies the compositions determine, of those that were fitted.
        fitted: atomic numbers of the elements whose energies were fitted.
    """

    atomrefs: np.ndarray
    mean: float
    known: Mapping[int, str]
    rank: int
    fitted: tuple[int, ...]


_offsets: "WeakKeyDictionary[AtomsDataModule, dict[str, Offsets]]" = WeakKeyDictionary()


def training_offsets(datamodule: AtomsDataModule, energy_key: str) -> Offsets:
    """Single-atom energies of a data module's training set, computed once and logged.

    An element's energy is taken from the database's metadata (`atomrefs`), else from isolated
    atoms in the data, else fitted to the training set.

    Args:
        datamodule: set up, with a training set.
        energy_key: an extensive property.
    """
    cached = _offsets.setdefault(datamodule, {})
    if energy_key not in cached:
        dataset = datamodule.dataset
        in_metadata = _from_metadata(dataset, energy_key)
        known = _from_isolated_atoms(dataset, energy_key) | in_metadata
        origin = {z: "metadata" if z in in_metadata else "isolated atoms" for z in known}
        counts, energies = _training_set(datamodule, energy_key)
        cached[energy_key] = fit_offsets(counts, energies, known, origin)
        _report(cached[energy_key], len(energies), energy_key, dataset.units[energy_key])
    return cached[energy_key]


def fit_offsets(
    counts: np.ndarray,
    energies: np.ndarray,
    known: Mapping[int, float] = {},  # noqa: B006 (nobody changes it)
    origin: Mapping[int, str] = {},  # noqa: B006
) -> Offsets:
    """Least-squares energies of single atoms, those that are known left as they are.

    Where the compositions don't determine them, they differ as little as possible from the mean
    per atom. Structures of one composition determine nothing but that mean: it is all they get.

    Args:
        counts: atoms of each element (n_structures, 119).
        energies: shape (n_structures,).
        known: energies by atomic number.
        origin: where these come from.
    """
    atomrefs = np.zeros(N_ELEMENTS)
    atomrefs[list(known)] = list(known.values())
    open_elements = [int(z) for z in np.flatnonzero(counts.any(axis=0)) if z not in known]
    columns = counts[:, open_elements]  # (n_structures, n_open)
    left = energies - counts @ atomrefs  # (n_structures,)
    rank = int(np.linalg.matrix_rank(columns)) if open_elements else 0
    if rank > 1 or (rank == 1 and known):
        some = columns.any(axis=1)
        mean = (left[some] / columns[some].sum(axis=1)).mean()
        deviation = left[some] - mean * columns[some].sum(axis=1)
        atomrefs[open_elements] = mean + np.linalg.lstsq(columns[some], deviation, rcond=None)[0]
        left = energies - counts @ atomrefs
    mean_left = float((left / counts.sum(axis=1)).mean())
    return Offsets(atomrefs, mean_left, dict(origin), rank, tuple(open_elements))


def _from_metadata(dataset: BaseAtomsData, energy_key: str) -> dict[int, float]:
    """Energies in the database's own table, which has zeros for elements it doesn't know."""
    table = dataset.metadata.get("atomrefs", {}).get(energy_key, [])
    values = np.asarray(table, dtype=float).reshape(len(table)) * dataset.conversions[energy_key]
    return {int(z): float(values[z]) for z in np.flatnonzero(np.nan_to_num(values))}


def _from_isolated_atoms(dataset: BaseAtomsData, energy_key: str) -> dict[int, float]:
    """Lowest energy of each element among the structures of one atom, whatever their partition."""
    found: dict[int, float] = {}
    for row in dataset.conn.select(natoms=1):
        energy = float(np.ravel(row.data[energy_key])[0]) * dataset.conversions[energy_key]
        if np.isfinite(energy) and _is_isolated(row, dataset.distance_conversion):
            number = int(row.numbers[0])
            found[number] = min(energy, found.get(number, np.inf))
    return found


def _is_isolated(row: Any, angstrom: float) -> bool:
    images = np.linalg.norm(row.cell[row.pbc], axis=1)  # (n_periodic,)
    return bool((images * angstrom > ISOLATED).all())


def _training_set(datamodule: AtomsDataModule, energy_key: str) -> tuple[np.ndarray, np.ndarray]:
    """Atoms of each element (n_structures, 119) and energies (n_structures,)."""
    labels = datamodule.dataset.subset(datamodule.train_idx)
    labels.load_properties = [energy_key]
    labels.transforms = None
    counts, energies = [], []
    for batch in AtomsLoader(labels, batch_size=100, num_workers=datamodule.num_workers):
        cells = batch[properties.idx_m] * N_ELEMENTS + batch[properties.Z]  # (n_atoms,)
        size = len(batch[properties.n_atoms]) * N_ELEMENTS
        counts.append(torch.bincount(cells, minlength=size).view(-1, N_ELEMENTS))
        energies.append(batch[energy_key].double())
    return torch.cat(counts).double().numpy(), torch.cat(energies).numpy()


@rank_zero_only
def _report(offsets: Offsets, n_structures: int, energy_key: str, unit: str) -> None:
    """Log the energies and where they come from."""
    numbers = np.flatnonzero(offsets.atomrefs)
    if not len(numbers):
        log.info(
            f"Mean of {energy_key}: {offsets.mean:.6g} {unit} per atom (one composition, so no "
            "single-atom energies)"
        )
        return
    values = ", ".join(f"{chemical_symbols[z]} {offsets.atomrefs[z]:.6g}" for z in numbers)
    log.info(
        f"Single-atom energies of {energy_key} in {unit}: {values} ({_sources(offsets)}); "
        f"mean of what is left in {n_structures} structures: {offsets.mean:.3g} {unit} per atom"
    )


def _sources(offsets: Offsets) -> str:
    groups: dict[str, list[int]] = {}
    for number, source in offsets.known.items():
        groups.setdefault(f"from {source}", []).append(number)
    if offsets.fitted:
        open_ = len(offsets.fitted) - offsets.rank
        least = f", {open_} of them open in these compositions" if open_ else ""
        groups[f"fitted{least}"] = list(offsets.fitted)
    return "; ".join(
        f"{', '.join(chemical_symbols[z] for z in sorted(zs))} {how}" for how, zs in groups.items()
    )
