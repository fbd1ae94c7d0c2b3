"""What every engine asks: energy, forces and virial in its units."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units

from schnetpack_molfield import MolFieldCalculator
from schnetpack_molfield.interfaces.compiled import CompiledModel
from schnetpack_molfield.interfaces.evaluator import EngineUnits, Evaluator

ATOMIC = EngineUnits(units.Hartree, units.Bohr)


def test_units_and_virial(engine_model: Path, water: Atoms) -> None:
    water.calc = MolFieldCalculator(engine_model)
    evaluate = Evaluator(engine_model, water.numbers, True, ATOMIC)
    energy, forces, virial = evaluate(water.positions / units.Bohr, water.cell / units.Bohr)
    assert energy == pytest.approx(water.get_potential_energy() / units.Hartree, rel=0, abs=1e-12)
    expected = water.get_forces() * units.Bohr / units.Hartree
    np.testing.assert_allclose(forces, expected, rtol=0, atol=1e-12)
    expected = -water.get_stress(voigt=False) * water.get_volume() / units.Hartree
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(virial, expected, rtol=0, atol=1e-12)


def test_a_molecule_has_no_virial(engine_model: Path, ethanol: Atoms) -> None:
    evaluation = Evaluator(engine_model, ethanol.numbers)(ethanol.positions)
    assert not evaluation.virial.any()
    assert evaluation.forces.any()


def test_a_calculator_is_copied(engine_model: Path, ethanol: Atoms) -> None:
    calculator = MolFieldCalculator(engine_model)
    evaluate = Evaluator(calculator, ethanol.numbers)
    assert evaluate.atoms.calc is not calculator
    with pytest.raises(TypeError, match="skin: options belong to the calculator that is given"):
        Evaluator(calculator, ethanol.numbers, skin=0.5)


def test_options_of_the_calculator(engine_model: Path, ethanol: Atoms) -> None:
    evaluate = Evaluator(engine_model, ethanol.numbers, compile=True)
    assert isinstance(evaluate.atoms.calc.evaluators[0], CompiledModel)
