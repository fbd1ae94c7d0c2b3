"""A model's own record: what a user of `best_model` has to know and its weights don't say.

The record is a plain dictionary, `model.molfield_record`:

| key | value |
|---|---|
| `version` | version of this package that trained the model |
| `format` | version of the content of the file, see `model_files` |
| `cutoff` | radius of the neighbour list, in `distance_unit` |
| `dtype` | "float32" or "float64" |
| `distance_unit` | unit of positions, for example "Ang" |
| `property_units` | unit of every output by its key, for example `{"energy": "eV"}` |
| `energy_key`, `forces_key`, `stress_key` | keys of these outputs, None where the model has none |
| `elements` | symbols of the elements in the training set |
| `references` | papers to cite |

It is part of the pickled model and of checkpoints. TorchScript keeps no such dictionary, so the
same record stands as text in `model.molfield_record_json`, which a scripted model keeps.
"""

from typing import Any

from ase.data import chemical_symbols
from schnetpack.atomistic import Forces, Response
from schnetpack.data import AtomsDataModule
from schnetpack.model import AtomisticModel

from schnetpack_molfield import __version__
from schnetpack_molfield.datasets.qm9_reference import ENERGIES
from schnetpack_molfield.model_files import FORMAT

__all__ = ["ENERGY_KEYS", "field_units", "make_record", "references", "training_elements"]

#: The papers behind the host; a representation and heads add theirs in an attribute `references`.
HOST_REFERENCES = (
    "Schütt, Hessmann, Gebauer, Lederer, Gastegger: SchNetPack 2.0, "
    "J. Chem. Phys. 158, 144801 (2023)",
)

#: Energies of a system that a force can be derived from, by SchNetPack's names.
ENERGY_KEYS = ("energy", *ENERGIES)


def make_record(model: AtomisticModel, datamodule: AtomsDataModule) -> dict[str, Any]:
    """Collect a model's record when its training starts.

    Args:
        model: the model that is going to be trained.
        datamodule: its data, already set up.
    """
    units = datamodule.dataset.units
    has_cutoff = getattr(model.representation, "cutoff_fn", model.representation)
    outputs = sorted(model.model_outputs)
    forces = next((m for m in model.modules() if isinstance(m, Forces | Response)), None)
    energy = next((key for key in ENERGY_KEYS if key in outputs), None)
    stress = getattr(forces, "stress_key", None)
    forces_key = getattr(forces, "force_key", "forces")
    return {
        "version": __version__,
        "format": FORMAT,
        "cutoff": float(has_cutoff.cutoff),
        "dtype": str(next(model.parameters()).dtype).removeprefix("torch."),
        "distance_unit": datamodule.dataset.distance_unit,
        "property_units": field_units(model) | {key: units[key] for key in outputs if key in units},
        "energy_key": getattr(forces, "energy_key", energy),
        "forces_key": forces_key if forces_key in outputs else None,
        "stress_key": stress if stress in outputs else None,
        "elements": training_elements(datamodule),
        "references": references(model),
    }


def references(model: AtomisticModel) -> list[str]:
    """Papers behind the parts of a model and behind SchNetPack, each once."""
    own = [paper for module in model.modules() for paper in getattr(module, "references", ())]
    return list(dict.fromkeys([*own, *HOST_REFERENCES]))


def field_units(model: AtomisticModel) -> dict[str, str]:
    """Units of the fields that a model's heads are asked for, by key."""
    heads = [module for module in model.output_modules if getattr(module, "units", "")]
    return {head.output_key: head.units for head in heads}


def training_elements(datamodule: AtomsDataModule) -> list[str]:
    """Symbols of all elements in the training set, read without its labels."""
    training = {index + 1 for index in datamodule.train_idx}  # rows count from one
    rows = datamodule.dataset.conn.select(columns=["id", "numbers"], include_data=False)
    numbers = {int(z) for row in rows if row.id in training for z in row.numbers}
    return [chemical_symbols[z] for z in sorted(numbers)]
