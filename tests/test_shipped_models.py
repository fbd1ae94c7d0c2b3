"""The trained models that come with the package."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import molecule
from schnetpack import properties

import schnetpack_molfield.datasets as datasets
from schnetpack_molfield import MolecularField
from schnetpack_molfield.datasets import read_archive
from schnetpack_molfield.fields import PromoleculeDensity
from schnetpack_molfield.model_files import load_model_file, read_record
from schnetpack_molfield.shipped_models import shipped_models
from schnetpack_molfield.transform import GridPoints

MODELS = shipped_models()


@pytest.mark.parametrize("name", MODELS)
def test_each_is_small_and_has_a_card(name):
    assert MODELS[name].stat().st_size < 3_000_000
    card = MODELS[name].with_suffix(".md").read_text()
    for heading in ("## Data", "## Errors", "## Domain", "## Licence"):
        assert heading in card
    assert {"version", "elements", "property_units"} <= read_record(load_model_file(name)).keys()


def relative_l1(field, atoms, labels) -> float:
    sample = {key: torch.as_tensor(value) for key, value in labels.items()}
    sample[properties.R] = torch.tensor(atoms.positions)
    inputs = GridPoints("electron_density", n_points=None)(sample)
    exact = inputs["electron_density"]
    return float((field(inputs["field_points"]) - exact).abs().sum() / exact.sum())


def test_densities_of_small_molecules():
    """Of frames with the level that it was trained at: far below the sum of free atoms."""
    path = Path(datasets.__file__).with_name("density_sample.npz")
    model = load_model_file("density")
    errors = []
    for atoms, labels in list(read_archive(path).read())[:4]:
        own = relative_l1(PromoleculeDensity().of(atoms), atoms, labels)
        errors.append((relative_l1(MolecularField.from_model(model, atoms), atoms, labels), own))
    learned, promolecule = np.mean(errors, axis=0)
    assert learned < 0.012 < 0.08 < promolecule


def test_an_element_it_was_not_trained_on_is_refused():
    with pytest.raises(ValueError, match="S"):
        MolecularField.from_model(load_model_file("density"), molecule("SH2"))
