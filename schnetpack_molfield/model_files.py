"""Files of trained models: read `best_model` and the model's own record in it.

The record is a plain dictionary, `model.molfield_record`; see `train.record` for what it holds.
TorchScript keeps no such dictionary, so the same record stands as text in
`model.molfield_record_json`, which a scripted model keeps.
"""

import json
import warnings
from pathlib import Path
from typing import Any

from schnetpack.model import AtomisticModel
from schnetpack.utils import load_model
from torch import nn

__all__ = ["attach_record", "load_model_file", "read_record"]


def load_model_file(path: str | Path) -> AtomisticModel:
    """Load the model that `spktrain` saved.

    Args:
        path: the file `best_model`, or the folder of the run that holds it.

    Returns:
        The model on the CPU, in evaluation mode.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is something else: a checkpoint, a deployed model, no model at all.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "best_model"
    if not path.is_file():
        raise FileNotFoundError(
            f"no model file {str(path)!r}; spktrain writes 'best_model' into the folder of the run"
        )
    model = _load(path)
    if not isinstance(model, AtomisticModel):
        raise ValueError(_not_a_model(path, f"it holds a {type(model).__name__}"))
    return model.eval()


def _load(path: Path) -> object:
    try:
        with warnings.catch_warnings():
            # torch warns of SchNetPack 2.1.1's torch.load and of TorchScript archives
            warnings.simplefilter("ignore")
            return load_model(str(path), device="cpu")
    except Exception as error:  # unpickling a foreign file can raise anything
        reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'empty'}"
        raise ValueError(_not_a_model(path, reason)) from error


def _not_a_model(path: Path, reason: str) -> str:
    return (
        f"{str(path)!r} isn't a model saved by SchNetPack ({reason}); give the file 'best_model', "
        "not a checkpoint (*.ckpt), a task (*.task) or a deployed model"
    )


def attach_record(model: AtomisticModel, record: dict[str, Any]) -> None:
    """Make the record part of the model."""
    model.molfield_record = record
    model.molfield_record_json = json.dumps(record)


def read_record(model: nn.Module) -> dict[str, Any] | None:
    """The record of a model, scripted or not; None if it has none."""
    record = getattr(model, "molfield_record", None)
    text = getattr(model, "molfield_record_json", None)
    return json.loads(text) if record is None and text is not None else record
