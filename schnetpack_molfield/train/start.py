"""Begin a training at a trained model."""

from typing import Any

from hydra.utils import to_absolute_path
from schnetpack.model import AtomisticModel

from schnetpack_molfield.model_files import load_model_file

__all__ = ["trained_model"]


def trained_model(path: str, **parts: Any) -> AtomisticModel:
    """The model of an earlier run, to be trained on other data (`model=molfield_trained`).

    Its offsets, such as single-atom energies, are those of the new data, as for every model.

    Args:
        path: file `best_model` or the folder of a run; relative to where the command was typed.
        parts: what the experiment says of the parts of a model; the trained one keeps its own.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it isn't a model.
    """
    return load_model_file(to_absolute_path(path)).train()
