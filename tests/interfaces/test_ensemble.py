"""Ensembles: means and standard deviations of their models, and a stop where they disagree."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms, units
from ase.md.verlet import VelocityVerlet

from schnetpack_molfield import MolFieldCalculator
from schnetpack_molfield.interfaces import UncertaintyError


@pytest.fixture
def models(make_model, record, tmp_path: Path) -> list[Path]:
    """Three models that differ in their read-out, one of them in eV and in single precision."""
    files = []
    for seed, unit in enumerate(["kcal/mol", "kcal/mol", "eV"]):
        model = make_model()
        torch.manual_seed(seed)
        for parameter in model.output_modules.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
        model = model.float() if unit == "eV" else model
        model.molfield_record = record | {"property_units": {"energy": unit}, "dtype": None}
        files.append(tmp_path / f"seed_{seed}")
        torch.save(model, files[-1])
    return files


def test_means_and_standard_deviations(models: list[Path], water: Atoms) -> None:
    ensemble = MolFieldCalculator(models)
    ensemble.calculate(water)
    single = [MolFieldCalculator(model, dtype="float64") for model in models]
    for calculator in single:
        calculator.calculate(water)
    for key in ("energy", "forces", "stress"):
        values = np.array([calculator.results[key] for calculator in single])
        for name, expected in {key: values.mean(0), f"{key}_std": values.std(0, ddof=1)}.items():
            np.testing.assert_allclose(ensemble.results[name], expected, rtol=1e-9, atol=1e-10)
            assert abs(expected).max() > 1e-4
    assert ensemble.results["forces_std"].shape == (len(water), 3)
    assert np.array_equal(ensemble.get_property("forces_std"), ensemble.results["forces_std"])
    assert water.calc is None and ensemble.results["free_energy"] == ensemble.results["energy"]


def test_the_same_model_twice(models: list[Path], ethanol: Atoms) -> None:
    ethanol.calc = MolFieldCalculator(models[:1] * 2, max_forces_std=1e-6)
    expected = MolFieldCalculator(models[0]).get_forces(ethanol)
    assert np.array_equal(ethanol.get_forces(), expected)
    assert not ethanol.calc.results["forces_std"].any() and ethanol.calc.results["energy_std"] == 0
    assert "stress_std" not in ethanol.calc.results


def test_hessian_is_the_mean(models: list[Path], ethanol: Atoms) -> None:
    hessians = [MolFieldCalculator(model).get_hessian(ethanol) for model in models[:2]]
    ensemble = MolFieldCalculator(models[:2])
    np.testing.assert_allclose(ensemble.get_hessian(ethanol), np.mean(hessians, 0), atol=1e-10)


@pytest.mark.parametrize("name", ["max_forces_std", "max_energy_std"])
def test_dynamics_stop_when_models_disagree(models: list[Path], ethanol: Atoms, name: str) -> None:
    calculator = MolFieldCalculator(models)
    calculator.calculate(ethanol)
    spread = {
        "max_forces_std": np.linalg.norm(calculator.results["forces_std"], axis=1).max(),
        "max_energy_std": calculator.results["energy_std"] / 9,
    }[name]
    ethanol.calc = MolFieldCalculator(models, **{name: spread * 1.001})
    ethanol.get_forces()
    ethanol.calc = MolFieldCalculator(models, **{name: spread * 0.999})
    with pytest.raises(UncertaintyError, match=f"disagree on .*, more than {name} = ") as caught:
        VelocityVerlet(ethanol, 0.5 * units.fs).run(2)
    assert "\n" not in str(caught.value)


def test_nan_counts_as_disagreement(make_model, record, ethanol: Atoms) -> None:
    models = [make_model(), make_model()]
    for model in models:
        model.molfield_record = record
    models[1].output_modules[0].outnet[0].bias.data[:] = float("nan")
    with pytest.raises(UncertaintyError):
        MolFieldCalculator(models, max_energy_std=1.0).get_potential_energy(ethanol)


def test_lists_that_are_no_ensemble(models: list[Path], make_model, record) -> None:
    with pytest.raises(ValueError, match="at least two models, got 1"):
        MolFieldCalculator(models[:1])
    with pytest.raises(ValueError, match="give a list of at least two models"):
        MolFieldCalculator(models[0], max_forces_std=0.1)
    with pytest.raises(ValueError, match="max_forces_std must be a positive number, got 0"):
        MolFieldCalculator(models, max_forces_std=0)
    others = [make_model(), make_model()]
    for model, length in zip(others, ("Ang", "Bohr"), strict=True):
        model.molfield_record = record | {"distance_unit": length}
    with pytest.raises(ValueError, match="units of length differ: 1, 0.529177 Angstrom"):
        MolFieldCalculator(others)
    for model, elements in zip(others, (["H"], ["C"]), strict=True):
        model.molfield_record = record | {"elements": elements}
    with pytest.raises(ValueError, match="none is known to all"):
        MolFieldCalculator(others)
