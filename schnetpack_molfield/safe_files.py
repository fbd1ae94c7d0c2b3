"""Model files that hold no code: weights as safetensors, with structure and record as JSON.

The metadata of such a file:

| key | value |
|---|---|
| `molfield_format` | version of the content, see `model_files.FORMAT` |
| `config` | the structure of the model, see `model_structure` |
| `record` | the model's own record, see `train.record`; `null` if it has none |
| `versions` | of the packages that wrote it |
"""

from __future__ import annotations

import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schnetpack_molfield.new_files import replace_when_complete

if TYPE_CHECKING:
    from schnetpack.model import AtomisticModel

__all__ = ["is_safe_file", "read_metadata", "read_safe_model", "write_safe_model"]

#: Environment variable with further packages whose classes may stand in a file, commas between.
TRUST = "MOLFIELD_TRUST"
#: Attributes that hold the record, which stands in the metadata by itself.
_RECORD = ("molfield_record", "molfield_record_json")
_PACKAGES = ("schnetpack-molfield", "schnetpack", "torch")


def is_safe_file(path: Path) -> bool:
    """Whether a file begins as safetensors do: the length of a header, then the header."""
    with path.open("rb") as file:
        start = file.read(9)
    return start[8:] == b"{" or path.suffix.lower() == ".safetensors"


def write_safe_model(
    path: Path, model: AtomisticModel, record: dict[str, Any] | None, format_version: int
) -> None:
    """Write a model; the file is there as a whole or not at all.

    Raises:
        TypeError: if it has a part that plain data can't stand for, see `model_structure.describe`.
    """
    from safetensors.torch import save

    from schnetpack_molfield.model_structure import describe

    structure, tensors = describe(model)
    for name in _RECORD:
        structure["attributes"].pop(name, None)
    metadata = {
        "molfield_format": str(format_version),
        "config": json.dumps(structure),
        "record": json.dumps(record),
        "versions": json.dumps({package: version(package) for package in _PACKAGES}),
    }
    with replace_when_complete(path) as partial:
        partial.write_bytes(save(tensors, metadata))  # `save_file` would hide it from other users


def read_metadata(path: Path) -> dict[str, Any]:
    """The metadata of a file, decoded.

    Raises:
        ValueError: if the file isn't whole, or isn't a model's.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            texts = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{str(path)!r} is damaged or isn't safetensors ({error})") from error
    if "molfield_format" not in texts:
        raise ValueError(
            f"{str(path)!r} holds tensors but no model of this package; such a file is written by: "
            "molfield export best_model --out model.safetensors"
        )
    try:
        metadata = {key: json.loads(text) for key, text in texts.items()}
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{str(path)!r} is damaged: {error}") from error
    for key, kind in {"molfield_format": int, "record": dict | None}.items():
        if not isinstance(metadata.get(key), kind):
            raise ValueError(f"{str(path)!r} is damaged: its {key} is {texts.get(key)}")
    return metadata


def read_safe_model(path: Path, metadata: dict[str, Any]) -> object:
    """Make the model of a file, without its record, running none of the file's code.

    Args:
        path: the file.
        metadata: what `read_metadata` has returned for it.

    Raises:
        ValueError: if structure and tensors don't make a model, or name a class of a package that
            isn't trusted (`model_structure.TRUSTED`, and those in MOLFIELD_TRUST).
    """
    from safetensors.torch import load_file

    from schnetpack_molfield.model_structure import rebuild

    trusted = [name.strip() for name in os.environ.get(TRUST, "").split(",") if name.strip()]
    # copies lie in memory as a new model's tensors do, so kernels round alike, and outlive the file
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
    try:
        return rebuild(metadata.get("config"), tensors, trusted)
    except ValueError as error:
        versions = str(metadata.get("versions", "")).strip("{}").replace("'", "")
        raise ValueError(f"{str(path)!r} ({versions}): {error}") from error
