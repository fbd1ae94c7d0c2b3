"""A trained model as a calculator of the Atomic Simulation Environment, in one line."""

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from warnings import warn

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress
from schnetpack.interfaces import AtomsConverter, SpkCalculator
from schnetpack.model import AtomisticModel
from schnetpack.transform import MatScipyNeighborList, SkinNeighborList, Transform

from schnetpack_molfield.checks import did_you_mean
from schnetpack_molfield.fields.molecule import unusual_lengths
from schnetpack_molfield.interfaces.potential import as_potential, read_settings
from schnetpack_molfield.model_files import load_model_file
from schnetpack_molfield.transform.checks import CheckDistances, CheckStructure

__all__ = ["MolFieldCalculator"]

OPTIONS = (
    "energy_unit",
    "position_unit",
    "energy_key",
    "forces_key",
    "stress_key",
    "cutoff",
    "dtype",
)


class MolFieldCalculator(SpkCalculator):
    """ASE calculator of a trained model: `atoms.calc = MolFieldCalculator("best_model")`.

    Everything a simulation needs comes from the model's own record; what is given may add to it,
    but units and cutoff can't contradict it.
    Energies are in eV, forces in eV/Angstrom, the stress (dE/dstrain / volume, six Voigt
    components, positive under tension) in eV/Angstrom^3. Forces and stress are derivatives of the
    energy, also for a model that was trained on energies alone. One evaluation gives all of them,
    where SchNetPack's calculator evaluates the model once per property.

    The cell vectors may stand in any order, left-handed too. As in ASE's own calculators there is
    a stress only where a periodic cell has a volume: a slab or wire with a zero vector has none,
    one with vacuum has a stress that refers to the volume with the vacuum.

    Args:
        model: file `best_model`, the folder of the run with it, or a model.
        device: where the model runs.
        skin: margin of the neighbour list in Angstrom: it is built again when an atom has moved
            by half of it, or when cell, periodicity or composition change.
        **options: where the record doesn't say: `energy_unit`, `position_unit`, `energy_key`,
            `forces_key`, `stress_key`, `cutoff` (in `position_unit`), `dtype`. A plain
            SchNetPack model has no record and needs `energy_unit`.

    Raises:
        FileNotFoundError: there is no such file.
        KeyError: the model has no such energy.
        TypeError: an option doesn't exist, or the dtype isn't float32 or float64.
        ValueError: the file isn't a model, or a unit is missing or unknown. Asked for a bad
            structure (NaN, unknown element, coincident atoms, zero cell), the calculator raises
            what `schnetpack_molfield.transform.checks` says.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]

    def __init__(
        self,
        model: str | Path | AtomisticModel = "best_model",
        device: str | torch.device = "cpu",
        skin: float = 0.3,
        **options: str | float | torch.dtype | None,
    ) -> None:
        unknown = next((name for name in options if name not in OPTIONS), None)
        if unknown is not None:
            hint = did_you_mean(unknown, ["device", "skin", *OPTIONS])
            raise TypeError(f"MolFieldCalculator has no option {unknown!r}: {hint}")
        # a copy of the user's own model, because it is frozen and extended below
        is_model = isinstance(model, AtomisticModel)
        model = deepcopy(model) if is_model else load_model_file(model)
        # SpkCalculator's own constructor would load the model a second time
        Calculator.__init__(self)
        self.settings = read_settings(model, **options)
        self.model = as_potential(model, self.settings).to(device)
        self.neighbor_list = SkinNeighborList(
            MatScipyNeighborList(self.settings.cutoff),
            cutoff_skin=skin / self.settings.length_unit,
        )
        self.converter = _Converter(
            [
                CheckStructure(self.settings.elements, allow_periodic=self.settings.periodic),
                self.neighbor_list,
                CheckDistances(1e-3 / self.settings.length_unit),
            ],
            self.settings.length_unit,
            device=device,
            dtype=self.settings.dtype,
        )
        self.energy_key = self.settings.energy_key
        self.force_key = self.settings.forces_key
        self.stress_key = self.settings.stress_key
        self.model_results: dict[str, torch.Tensor] = {}

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Evaluate the model and store all properties.

        Args:
            atoms: the structure.
            properties: ignored, all are computed.
            system_changes: what changed since the last call.
        """
        Calculator.calculate(self, atoms, properties, system_changes)
        # SkinNeighborList itself overlooks most changes of the cell and fails on new atoms
        if {"numbers", "cell", "pbc"}.intersection(system_changes):
            self.neighbor_list.reset()
        # what is kept is detached: a graph can't be copied or sent, and holds memory
        outputs = self.model(self.converter(self.atoms))
        if "numbers" in system_changes and self.settings.length_unit == 1.0:
            _ask_about_lengths(self.atoms)
        self.model_results = {key: value.detach() for key, value in outputs.items()}
        output = {key: _array(value) for key, value in self.model_results.items()}
        energy, length = self.settings.energy_unit, self.settings.length_unit
        self.results = {
            "energy": output[self.energy_key].item() * energy,
            "forces": output[self.force_key] * (energy / length),
        }
        self.results["free_energy"] = self.results["energy"]
        if self.atoms.pbc.any() and self.atoms.cell.rank == 3:
            stress = output[self.stress_key].reshape(3, 3) * (energy / length**3)
            self.results["stress"] = full_3x3_to_voigt_6_stress(stress)


def _ask_about_lengths(atoms: Atoms) -> None:
    """Warn of a molecule whose bonds are as long as in bohr or nm; two atoms may be anywhere."""
    if len(atoms) > 2 and not atoms.pbc.any() and (unusual := unusual_lengths(atoms)):
        warn(f"{atoms.symbols}: {unusual}; positions are in Angstrom", stacklevel=2)


def _array(output: torch.Tensor) -> np.ndarray:
    return output.double().cpu().numpy()


class _Converter(AtomsConverter):
    """Take any kind of Atoms, in Angstrom, to a batch in the model's unit of length."""

    def __init__(self, transforms: list[Transform], length_unit: float, **options: object) -> None:
        super().__init__(neighbor_list=None, transforms=transforms, **options)
        self.length_unit = length_unit

    def __call__(self, atoms: Atoms) -> dict[str, torch.Tensor]:
        plain = Atoms(
            atoms.numbers,
            positions=atoms.positions / self.length_unit,
            cell=atoms.cell / self.length_unit,
            pbc=atoms.pbc,
        )
        return super().__call__(plain)
