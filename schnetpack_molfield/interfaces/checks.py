"""Load a model file and say in one line what is wrong with it, or with how it is asked for."""

import warnings
from pathlib import Path

import torch
from schnetpack.model import AtomisticModel
from schnetpack.units import convert_units
from schnetpack.utils import load_model

from schnetpack_molfield.nn.choices import check_choice
from schnetpack_molfield.transform.checks import did_you_mean

__all__ = ["check_device", "check_dtype", "check_unit", "load_potential_file"]

ENERGY_UNITS = ("eV", "kcal/mol", "kJ/mol", "Hartree", "Ha")
LENGTH_UNITS = ("Ang", "Angstrom", "Bohr", "nm")


def load_potential_file(path: str | Path) -> AtomisticModel:
    """Load the model that ``spktrain`` saved.

    Args:
        path: The file ``best_model``, or the folder of the run that holds it.

    Returns:
        The model on the CPU, in evaluation mode.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is something else: a checkpoint, a deployed model, no model at all.
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


def check_unit(unit: str | float, kind: str) -> float:
    """Return the factor from a unit to ASE's (eV, Angstrom).

    Args:
        unit: Name, for example ``"kcal/mol"``, or the factor itself.
        kind: ``"energy"`` or ``"length"``.

    Raises:
        ValueError: The name isn't known.
    """
    base, known = ("eV", ENERGY_UNITS) if kind == "energy" else ("Ang", LENGTH_UNITS)
    try:
        return float(convert_units(unit, base))
    except (AttributeError, Warning) as error:  # SchNetPack raises a Warning for "A"
        hint = did_you_mean(str(unit), known)
        raise ValueError(f"unknown unit of {kind} {unit!r}: {hint}") from error


def check_dtype(dtype: str | torch.dtype) -> torch.dtype:
    """Return float32 or float64, given as dtype or by name.

    Raises:
        TypeError: It is another one.
    """
    name = str(dtype).removeprefix("torch.")
    if name not in ("float32", "float64"):
        raise TypeError(f"dtype {name!r}: {did_you_mean(name, ['float32', 'float64'])}")
    return torch.float32 if name == "float32" else torch.float64


def check_device(device: str) -> str:
    """Return ``"cpu"`` or ``"cuda"``, if torch can compute there.

    Raises:
        ValueError: It is another name, or there is no such device.
    """
    check_choice("device", device, ["cpu", "cuda"])
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("torch finds no CUDA device here: leave out --device")
    return device
