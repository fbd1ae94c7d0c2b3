"""Files of trained models: read `best_model`, or its safe twin, and the model's own record in it.

`best_model` is SchNetPack's pickle, which can run any code when it is read. `save_model_file`
writes the same model without code, see `safe_files`; both are read here, for every command.

The record is a plain dictionary, `model.molfield_record`; see `train.record` for what it holds.
TorchScript keeps no such dictionary, so the same record stands as text in
`model.molfield_record_json`, which a scripted model keeps.
"""

from __future__ import annotations

import json
import pickletools
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

from schnetpack_molfield.safe_files import (
    is_safe_file,
    read_metadata,
    read_safe_model,
    write_safe_model,
)
from schnetpack_molfield.shipped_models import shipped_models

if TYPE_CHECKING:
    from schnetpack.model import AtomisticModel
    from torch import nn

__all__ = [
    "FORMAT",
    "RUN_FILES",
    "attach_record",
    "check_format",
    "find_model_file",
    "load_model_file",
    "read_record",
    "save_model_file",
]

#: Version of the content of a file, in the record as `format`; it grows when older code can't read
#: it any more. Since 2 the function of a molecule is one, before it every head had its own.
FORMAT = 2

#: Names of a model in the folder of a run, the one that is taken first in front.
RUN_FILES = ("best_model", "model.safetensors")

_TEXT = "molfield_record_json"


def find_model_file(path: str | Path) -> Path:
    """The file itself; `best_model`, else `model.safetensors`, in the folder of a run.

    What is neither may be the name of a model that comes with the package.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    path = Path(path)
    if not path.exists() and (shipped := shipped_models().get(str(path))):
        return shipped
    if path.is_dir():
        files = [path / name for name in RUN_FILES]
        path = next((file for file in files if file.is_file()), files[0])
    if not path.is_file():
        raise FileNotFoundError(
            f"no model file {str(path)!r}; spktrain writes 'best_model' into the folder of the run"
        )
    return path


def load_model_file(path: str | Path) -> AtomisticModel:
    """Load the model that `spktrain` saved, or that `molfield export` made of it.

    Args:
        path: the file `best_model` or `*.safetensors`, or the folder of the run that holds it.

    Returns:
        The model on the CPU, in evaluation mode.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is something else: a checkpoint, a deployed model, no model at all, or
            was written by a newer version of this package; or a safe file that isn't whole or
            names a class of a package that isn't trusted.
    """
    path = find_model_file(path)
    model = _load_safe(path) if is_safe_file(path) else _load_pickled(path)
    units = None if read_record(model) else _units_of_run(path.with_name("config.yaml"))
    if units is not None:
        attach_record(model, units)
    return model.eval()


def save_model_file(path: str | Path, model: AtomisticModel) -> None:
    """Write a model to a file that holds no code, `*.safetensors`.

    Read again it gives the same numbers to the last bit. A file that is there is replaced.

    Raises:
        TypeError: if the model has a part that plain data can't stand for, by its place.
    """
    write_safe_model(Path(path), model, read_record(model), FORMAT)


def _load_safe(path: Path) -> AtomisticModel:
    from schnetpack.model import AtomisticModel

    metadata = read_metadata(path)
    check_format(path, metadata["molfield_format"], FORMAT)
    model = read_safe_model(path, metadata)
    if not isinstance(model, AtomisticModel):
        raise ValueError(f"{str(path)!r} holds a {type(model).__name__}, not a model of SchNetPack")
    if metadata.get("record"):
        attach_record(model, metadata["record"])
    return model


def _load_pickled(path: Path) -> AtomisticModel:
    check_format(path, (_stored_record(path) or {}).get("format", 0), FORMAT)
    from schnetpack.model import AtomisticModel  # late: a missing file is answered at once

    model = _load(path)
    if not isinstance(model, AtomisticModel):
        raise ValueError(_not_a_model(path, f"it holds a {type(model).__name__}"))
    _check_function(path, model)
    return model


def _units_of_run(config: Path) -> dict[str, Any] | None:
    """Units in the configuration that `spktrain` leaves beside a model; None if there are none."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        data = OmegaConf.load(config).data
        units = {str(key): str(unit) for key, unit in data.property_units.items()}
        return {"property_units": units, "distance_unit": data.distance_unit}
    except (OSError, ValueError, AttributeError, TypeError, OmegaConfBaseException):
        return None


def _check_function(path: Path, model: AtomisticModel) -> None:
    """Raise ValueError for a model whose heads have functions of their own, from before format 2.

    No other function makes the same numbers, so such a model can't be brought up to date; models of
    SchNetPack's own representations can stay as they are.
    """
    without = [type(m).__name__ for m in model.modules() if not hasattr(m, "function")]
    if not {"MolField", "ChartDecoder", "LatentAtlas"}.isdisjoint(without):
        raise ValueError(
            f"{str(path)!r} was trained by a version before 0.2, whose heads had functions of "
            "their own: train it again, or use it with schnetpack-molfield 0.1.0"
        )


def check_format(path: Path, found: int, known: int) -> None:
    """Raise ValueError if a file was written by a newer version of this package."""
    if found > known:
        raise ValueError(
            f"{str(path)!r} is of format {found}, this version of schnetpack-molfield reads up to "
            f"{known}: pip install --upgrade schnetpack-molfield"
        )


def _stored_record(path: Path) -> dict[str, Any] | None:
    """The record in a file whose classes may not exist here: read as text, nothing is executed."""
    try:
        with ZipFile(path) as archive:
            pickled = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            texts = [
                argument
                for _, argument, _ in pickletools.genops(archive.read(pickled))
                if isinstance(argument, str)
            ]
        return json.loads(texts[texts.index(_TEXT) + 1]) if _TEXT in texts else None
    except (BadZipFile, StopIteration, ValueError):
        return None


def _load(path: Path) -> object:
    from schnetpack.utils import load_model

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
    setattr(model, _TEXT, json.dumps(record))


def read_record(model: nn.Module) -> dict[str, Any] | None:
    """The record of a model, scripted or not; None if it has none."""
    record = getattr(model, "molfield_record", None)
    text = getattr(model, _TEXT, None)
    return json.loads(text) if record is None and text is not None else record
