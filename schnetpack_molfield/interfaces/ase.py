"""A trained model as a calculator of the Atomic Simulation Environment, in one line."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias
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
from schnetpack_molfield.fields.lengths import unusual_lengths
from schnetpack_molfield.interfaces.compiled import CompiledModel
from schnetpack_molfield.interfaces.ensemble import Limits, common_settings, mean_and_std
from schnetpack_molfield.interfaces.potential import (
    PotentialSettings,
    as_potential,
    read_settings,
)
from schnetpack_molfield.interfaces.second_derivatives import hessian_products
from schnetpack_molfield.model_files import load_model_file
from schnetpack_molfield.transform.checks import CheckDistances, CheckStructure

__all__ = ["MolFieldCalculator"]

Model: TypeAlias = str | Path | AtomisticModel
Evaluator: TypeAlias = Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]

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

    Several models are an ensemble: what is returned are their means, and `results` holds sample
    standard deviations too, `energy_std` in eV, `forces_std` (n_atoms, 3) in eV/Angstrom and
    `stress_std`. Beyond a limit the evaluation ends in an `UncertaintyError`.

    Args:
        model: file `best_model`, the folder of the run with it, or a model; or a list of them.
        device: where the model runs.
        skin: margin of the neighbour list in Angstrom: it is built again when an atom has moved
            by half of it, or when cell, periodicity or composition change.
        compile: whether models run as one compiled graph, made in the first evaluation, which
            takes ten seconds or more, and again only for another number of atoms, other conditions,
            or a structure much denser than the first; or a backend of `torch.compile`. A model
            that can't be compiled runs as it is, with one warning.
        max_energy_std: for ensembles: how much the energy per atom may vary, in eV.
        max_forces_std: for ensembles: how much the force on any atom may vary, in eV/Angstrom.
        **options: where the record doesn't say: `energy_unit`, `position_unit`, `energy_key`,
            `forces_key`, `stress_key`, `cutoff` (in `position_unit`), `dtype`. A plain
            SchNetPack model has no record and needs `energy_unit`.

    Raises:
        FileNotFoundError: there is no such file.
        KeyError: the model has no such energy.
        TypeError: an option doesn't exist, or the dtype isn't float32 or float64.
        ValueError: the file isn't a model, a unit is missing or unknown, or models don't make an
            ensemble. Asked for a bad structure (NaN, unknown element, coincident atoms, zero
            cell), the calculator raises what `schnetpack_molfield.transform.checks` says.
        UncertaintyError: in an evaluation, if the models disagree more than is allowed.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]

    def __init__(
        self,
        model: Model | Sequence[Model] = "best_model",
        device: str | torch.device = "cpu",
        skin: float = 0.3,
        compile: bool | str = False,
        max_energy_std: float | None = None,
        max_forces_std: float | None = None,
        **options: str | float | torch.dtype | None,
    ) -> None:
        unknown = next((name for name in options if name not in OPTIONS), None)
        if unknown is not None:
            hint = did_you_mean(
                unknown, ["device", "skin", "compile", "max_energy_std", "max_forces_std", *OPTIONS]
            )
            raise TypeError(f"MolFieldCalculator has no option {unknown!r}: {hint}")
        self.limits = Limits(max_energy_std, max_forces_std)
        models = [_load(one) for one in _several(model, self.limits)]
        # SpkCalculator's own constructor would load the model a second time
        Calculator.__init__(self)
        self.members = [read_settings(one, **options) for one in models]
        self.settings = common_settings(self.members)
        dtype = self.settings.dtype
        self.models = [
            as_potential(one, replace(settings, dtype=dtype)).to(device)
            for one, settings in zip(models, self.members, strict=True)
        ]
        self.model = self.models[0]
        backend = "inductor" if compile is True else compile
        self.evaluators: list[Evaluator] = [
            CompiledModel(one, self.settings.cutoff, backend) if backend else one
            for one in self.models
        ]
        if len(models) > 1:
            names = [f"{name}_std" for name in ("energy", "forces", "stress")]
            self.implemented_properties = [*self.implemented_properties, *names]
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
        inputs = self.converter(self.atoms)
        # what is kept is detached: a graph can't be copied or sent, and holds memory
        outputs = [
            {key: value.detach() for key, value in evaluate(dict(inputs)).items()}
            for evaluate in self.evaluators
        ]
        if "numbers" in system_changes and self.settings.length_unit == 1.0:
            _ask_about_lengths(self.atoms)
        self.model_results = outputs[0]
        with_stress = self.atoms.pbc.any() and self.atoms.cell.rank == 3
        results = [
            _in_ase_units(output, settings, with_stress)
            for output, settings in zip(outputs, self.members, strict=True)
        ]
        self.results = results[0] if len(results) == 1 else mean_and_std(results)
        self.results["free_energy"] = self.results["energy"]
        if len(results) > 1:
            self.limits.check(self.results, self.atoms)

    def get_hessian(self, atoms: Atoms | None = None) -> np.ndarray:
        """Second derivatives of the energy by all coordinates, exact and symmetric.

        With `dtype="float64"` as precise as the energy; for the modes of a vibration
        `ase.vibrations.VibrationsData.from_2d(atoms, calculator.get_hessian(atoms))`.

        Args:
            atoms: the structure; by default that of the last evaluation.

        Returns:
            Shape (3 n_atoms, 3 n_atoms) in eV/Angstrom^2: x, y, z of the first atom first. A
            constraint of the atoms changes nothing in it.
        """
        n = 3 * len(atoms or self.atoms)
        hessian = self.hessian_products(np.eye(n).reshape(n, -1, 3), atoms).reshape(n, n)
        return (hessian + hessian.T) / 2

    def hessian_products(self, vectors: np.ndarray, atoms: Atoms | None = None) -> np.ndarray:
        """Products of the Hessian with vectors, without the Hessian: for large structures.

        Args:
            vectors: shape (n_atoms, 3), or (n_vectors, n_atoms, 3) for many at once.
            atoms: the structure; by default that of the last evaluation.

        Returns:
            The same shape, in eV/Angstrom^2 times the unit of the vectors.

        Raises:
            ValueError: if the vectors have another shape.
        """
        self.get_potential_energy(atoms)  # checks the structure, and brings the neighbours
        given, shape = np.asarray(vectors), self.atoms.positions.shape
        if given.shape[-2:] != shape or given.ndim not in (2, 3):
            raise ValueError(
                f"vectors have shape {given.shape}, expected {shape} or (n_vectors, *{shape})"
            )
        stack = torch.as_tensor(given.reshape(-1, *shape))  # (n_vectors, n_atoms, 3)
        inputs = self.converter(self.atoms)
        products = [
            _array(hessian_products(model, dict(inputs), settings.energy_key, stack))
            * (settings.energy_unit / settings.length_unit**2)
            for model, settings in zip(self.models, self.members, strict=True)
        ]
        return np.mean(products, axis=0).reshape(given.shape)


def _several(model: Model | Sequence[Model], limits: Limits) -> list[Model]:
    """The models of an ensemble, or the only one."""
    if isinstance(model, str | Path | AtomisticModel):
        if limits != Limits():
            raise ValueError(
                "max_energy_std and max_forces_std limit how far models disagree: give a list of "
                "at least two models"
            )
        return [model]
    if len(model) < 2:
        raise ValueError(f"an ensemble has at least two models, got {len(model)}")
    return list(model)


def _load(model: Model) -> AtomisticModel:
    """A model that may be changed: the user's own one is copied."""
    return deepcopy(model) if isinstance(model, AtomisticModel) else load_model_file(model)


def _in_ase_units(
    output: dict[str, torch.Tensor], settings: PotentialSettings, with_stress: bool
) -> dict[str, Any]:
    """Energy in eV, forces in eV/Angstrom and, where there is a volume, the stress."""
    energy, length = settings.energy_unit, settings.length_unit
    results: dict[str, Any] = {
        "energy": output[settings.energy_key].double().item() * energy,
        "forces": _array(output[settings.forces_key]) * (energy / length),
    }
    if with_stress:
        stress = _array(output[settings.stress_key]).reshape(3, 3) * (energy / length**3)
        results["stress"] = full_3x3_to_voigt_6_stress(stress)
    return results


def _ask_about_lengths(atoms: Atoms) -> None:
    """Warn of a molecule whose bonds are as long as in bohr or nm; two atoms may be anywhere."""
    if len(atoms) > 2 and not atoms.pbc.any() and (unusual := unusual_lengths(atoms)):
        warn(f"{atoms.symbols}: {unusual}; positions are in Angstrom", stacklevel=2)


def _array(output: torch.Tensor) -> np.ndarray:
    return output.detach().double().cpu().numpy()


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
