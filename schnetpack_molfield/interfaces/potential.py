"""Turn a trained model into a potential: energy, exact forces and stress, in known units."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from schnetpack.atomistic import Forces, Response, Strain
from schnetpack.model import AtomisticModel

from schnetpack_molfield.checks import check_dtype, check_unit, did_you_mean
from schnetpack_molfield.model_files import read_record
from schnetpack_molfield.nn import RightHandedCell
from schnetpack_molfield.train.record import ENERGY_KEYS

__all__ = ["PotentialSettings", "as_potential", "read_settings"]


class NoEnergyError(KeyError, ValueError):
    """A model without the total energy that a potential needs."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class PotentialSettings:
    """What a simulation has to know about a model.

    Attributes:
        cutoff: radius of the neighbour list, in the model's unit of length.
        dtype: precision the model runs in.
        energy_key: name of the energy among the model's outputs.
        forces_key: name of the forces; they are derived where the model has none.
        stress_key: name of the stress.
        energy_unit: eV per unit of energy of the model.
        length_unit: Angstrom per unit of length of the model.
        elements: what it was trained on; None if that isn't recorded.
        periodic: False for a model that describes one molecule as a whole.
    """

    cutoff: float
    dtype: torch.dtype
    energy_key: str
    forces_key: str
    stress_key: str
    energy_unit: float
    length_unit: float
    elements: tuple[str | int, ...] | None
    periodic: bool


def read_settings(model: AtomisticModel, **given: object) -> PotentialSettings:
    """Read a model's own record (`model.molfield_record`), and what is given besides it.

    A model without a record, such as a plain SchNetPack one, tells cutoff, dtype and keys by
    itself. Its units have to be given, unless they stand in the configuration of its run.

    Args:
        model: the trained model.
        **given: `cutoff`, `dtype`, `energy_key`, `forces_key`, `stress_key`,
            `energy_unit`, `position_unit`; None stands for "not given".

    Raises:
        NoEnergyError: the model has no such energy.
        ValueError: the unit of energy isn't recorded and isn't given, or isn't known; or a given
            unit or cutoff contradicts the model's own.
        TypeError: the dtype isn't float32 or float64.
    """
    record = read_record(model) or {}
    option: dict[str, Any] = {
        **record,
        **{name: value for name, value in given.items() if value is not None},
    }
    module = _force_module(model)
    energy_key = option.get("energy_key") or _find_energy_key(model, module, "energy_key" in record)
    if energy_key not in model.model_outputs:
        hint = did_you_mean(energy_key, model.model_outputs)
        raise NoEnergyError(f"the model has no output {energy_key!r}: {hint}")
    unit = _agreed(
        "energy_unit",
        given.get("energy_unit"),
        record.get("property_units", {}).get(energy_key),
        lambda unit: check_unit(unit, "energy"),
    )
    if unit is None:
        raise ValueError(
            f"the model has no record of the unit of {energy_key!r}; "
            "give that of the labels it was trained on: energy_unit=..."
        )
    length = _agreed(
        "position_unit",
        given.get("position_unit"),
        record.get("distance_unit"),
        lambda unit: check_unit(unit, "length"),
    )
    cutoff = _agreed("cutoff", given.get("cutoff"), model.representation.cutoff, float)
    return PotentialSettings(
        cutoff=float(cutoff),
        dtype=check_dtype(option.get("dtype") or next(model.parameters()).dtype),
        energy_key=energy_key,
        forces_key=str(option.get("forces_key") or getattr(module, "force_key", "forces")),
        stress_key=str(option.get("stress_key") or getattr(module, "stress_key", "stress")),
        energy_unit=check_unit(unit, "energy"),
        length_unit=check_unit(length or "Ang", "length"),
        elements=tuple(record["elements"]) if record.get("elements") else None,
        periodic=getattr(model.representation, "charts", "atom") != "molecule",
    )


def _agreed(name: str, given: Any, own: Any, size: Callable[[Any], float]) -> Any:
    """What is given, or the model's own value where nothing is; the two may not contradict."""
    if given is None or own is None:
        return own if given is None else given
    if abs(size(given) - size(own)) > 1e-6 * abs(size(own)):
        shown = f"{float(own):g}" if name == "cutoff" else repr(own)
        raise ValueError(f"{name}={given!r} contradicts the model's own {shown}: leave {name} out")
    return given


def _force_module(model: AtomisticModel) -> Forces | Response | None:
    return next((m for m in model.output_modules if isinstance(m, Forces | Response)), None)


def _find_energy_key(
    model: AtomisticModel, module: Forces | Response | None, recorded: bool
) -> str:
    if module is not None:
        return module.energy_key
    if len(model.model_outputs) == 1 and not recorded and _is_energy(model.model_outputs[0]):
        return model.model_outputs[0]
    raise NoEnergyError(
        f"the model predicts {', '.join(sorted(model.model_outputs))}; if one of them is a total "
        "energy that forces can be derived from, name it: energy_key=..."
    )


def _is_energy(key: str) -> bool:
    """Whether an output's name says that forces can be derived from it."""
    return key in ENERGY_KEYS or "energy" in key.lower()


def as_potential(model: AtomisticModel, settings: PotentialSettings) -> AtomisticModel:
    """Make a model return energy, forces and stress, for evaluation only.

    Forces and stress are derivatives of the energy, whether or not the model was trained on
    them: a model of energies alone gets SchNetPack's `Forces` and `Strain` modules.

    Args:
        model: the trained model; changed in place.
        settings: what `read_settings` found out about it.

    Returns:
        The model in evaluation mode. Parameters are frozen and in `settings.dtype`; the
        offsets that postprocessing adds to the energy keep the precision they were saved in.
    """
    if not isinstance(_force_module(model), Response):
        kept = [m for m in model.output_modules if not isinstance(m, Forces)]
        keys = (settings.energy_key, settings.forces_key, settings.stress_key)
        model.output_modules = torch.nn.ModuleList([*kept, Forces(True, True, *keys)])
    if not any(isinstance(module, Strain) for module in model.input_modules):
        model.input_modules.insert(0, Strain())
    model.input_modules.insert(0, RightHandedCell())
    for name, child in model.named_children():
        if name != "postprocessors":
            child.to(settings.dtype)
    model.collect_derivatives()
    model.collect_outputs()
    model.do_postprocessing = True
    return model.requires_grad_(False).eval()
