"""A trained model in SchNetPack's molecular dynamics: units and cutoff from its own record."""

from typing import Any

from schnetpack.md.neighborlist_md import NeighborListMD
from schnetpack.transform import MatScipyNeighborList

from schnetpack_molfield.interfaces.potential import read_settings
from schnetpack_molfield.interfaces.spkmd import SpkmdCalculator
from schnetpack_molfield.model_files import find_model_file, load_model_file

__all__ = ["md_calculator"]


def md_calculator(
    model_file: str,
    energy_unit: str | float | None = None,
    position_unit: str | float | None = None,
    cutoff: float | None = None,
    energy_key: str | None = None,
    force_key: str | None = None,
    stress_key: str | None = None,
    cutoff_shell: float = 1.0,
    **options: Any,
) -> SpkmdCalculator:
    """Calculator of `spkmd` for a trained model.

    Args:
        model_file: file `best_model` or the folder of the run with it.
        energy_unit: the model's unit of energy, where it has no record.
        position_unit: the model's unit of length, where it has no record.
        cutoff: radius of its neighbour list in that unit; the model knows it.
        energy_key: name of its energy; None takes the record's.
        force_key: name of its forces; None takes the record's.
        stress_key: name of its stress; None for simulations at constant volume.
        cutoff_shell: margin of the neighbour list, in the model's unit of length.
        **options: further ones of SchNetPack's calculator.

    Raises:
        FileNotFoundError: if there is no such file.
        KeyError: if the model has no such energy.
        ValueError: if a unit is missing, a unit or the cutoff contradicts the model's own, or the
            model has no forces.
    """
    model = load_model_file(model_file)
    settings = read_settings(
        model,
        energy_unit=energy_unit,
        position_unit=position_unit,
        cutoff=cutoff,
        energy_key=energy_key,
        forces_key=force_key,
    )
    if settings.forces_key not in model.model_outputs:
        raise ValueError(
            f"{model_file} predicts {', '.join(sorted(model.model_outputs))} but no forces, which "
            "spkmd needs; MolFieldCalculator derives them, for dynamics with ASE"
        )
    neighbors = NeighborListMD(settings.cutoff, cutoff_shell, MatScipyNeighborList)
    return SpkmdCalculator(
        str(find_model_file(model_file)),
        settings.forces_key,
        settings.energy_unit,  # eV, ASE's unit, as a number
        settings.length_unit,
        neighbors,
        energy_key=settings.energy_key,
        stress_key=stress_key,
        required_properties=[settings.energy_key, settings.forces_key],
        **options,
    )
