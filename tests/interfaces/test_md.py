"""What `spkmd` is told about a model: by its own record, which nothing may contradict."""

from pathlib import Path

import pytest
import torch
from schnetpack.md import System
from schnetpack.units import convert_units

from schnetpack_molfield.interfaces import MolFieldCalculator
from schnetpack_molfield.interfaces.md import md_calculator

# SchNetPack 2.1.1 calls torch.load without `weights_only`
pytestmark = pytest.mark.filterwarnings("ignore:You are using `torch.load`:FutureWarning")


@pytest.fixture
def potential(make_model):
    """A potential; SchNetPack prints its offset, which has to be one number."""
    model = make_model(forces=True)
    model.postprocessors[1].mean = model.postprocessors[1].mean[0]
    return model


@pytest.fixture
def recorded(potential, record, tmp_path: Path) -> Path:
    """A file of a potential in kcal/mol."""
    model = potential
    model.molfield_record = record | {"forces_key": "forces"}
    torch.save(model, tmp_path / "best_model")
    return tmp_path / "best_model"


def test_forces_are_those_of_the_calculator(recorded: Path, ethanol) -> None:
    system = System()
    system.load_molecules([ethanol], n_replicas=1, position_unit_input="Angstrom")
    system = system.to(torch.float64)
    calculator = md_calculator(str(recorded))
    calculator.calculate(system)
    forces = system.forces.view(-1, 3) * convert_units("kJ / mol / nm", "eV / Ang")
    expected = MolFieldCalculator(recorded).get_forces(ethanol)
    torch.testing.assert_close(forces, torch.tensor(expected), rtol=0, atol=1e-6)
    assert calculator.neighbor_list.cutoff == pytest.approx(float(record_cutoff(recorded)))


def record_cutoff(path: Path) -> float:
    return torch.load(path, weights_only=False).molfield_record["cutoff"]


@pytest.mark.parametrize(
    "option", [{"energy_unit": "eV"}, {"cutoff": 5.0}, {"position_unit": "nm"}]
)
def test_contradictions_are_refused(recorded: Path, option: dict) -> None:
    (name,) = option
    with pytest.raises(ValueError, match=f"{name}=.* contradicts the model's own"):
        md_calculator(str(recorded), **option)


def test_what_agrees_may_be_given(recorded: Path) -> None:
    md_calculator(str(recorded.parent), energy_unit="kcal/mol", position_unit="Angstrom")


def test_a_model_without_forces(make_model, tmp_path: Path) -> None:
    torch.save(make_model(), tmp_path / "best_model")
    with pytest.raises(ValueError, match="predicts energy but no forces, which spkmd needs"):
        md_calculator(str(tmp_path), energy_unit="eV")


def test_a_plain_model_needs_its_unit(potential, tmp_path: Path) -> None:
    torch.save(potential, tmp_path / "best_model")
    with pytest.raises(ValueError, match="give that of the labels it was trained on"):
        md_calculator(str(tmp_path))
    assert md_calculator(str(tmp_path), energy_unit="eV").energy_key == "energy"
