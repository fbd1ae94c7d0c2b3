"""Model files without code: the same numbers, and nothing of a foreign file is run."""

import json
import pickle
import struct
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import schnetpack as spk
import torch
from ase import Atoms
from safetensors.torch import load_file, safe_open, save_file
from schnetpack.interfaces import AtomsConverter
from schnetpack.transform import ASENeighborList
from torch import nn
from typer.testing import CliRunner

from schnetpack_molfield import MolecularField, MolFieldCalculator
from schnetpack_molfield.atomistic import ElectronDensity, FieldValue, SignedDistance
from schnetpack_molfield.cli import app
from schnetpack_molfield.model_files import FORMAT, load_model_file, save_model_file
from schnetpack_molfield.model_structure import describe, rebuild
from schnetpack_molfield.representation import ChartAutoencoder, MolField

CUTOFF = 4.0


def model_of(representation: type[nn.Module], *heads: nn.Module, **options: object):
    """A model with random weights, an offset in double precision, and gradients of its energy."""
    basis, cutoff_fn = spk.nn.GaussianRBF(8, CUTOFF), spk.nn.CosineCutoff(CUTOFF)
    heads = heads or (spk.atomistic.Atomwise(8, output_key="energy"), spk.atomistic.Forces())
    offsets = spk.transform.AddOffsets("energy", add_mean=True)
    offsets.mean = torch.tensor([-467.1234567891], dtype=torch.float64)
    model = spk.model.NeuralNetworkPotential(
        representation(8, 2, radial_basis=basis, cutoff_fn=cutoff_fn, **options),
        [spk.atomistic.PairwiseDistances()],
        list(heads),
    )
    if "energy" in model.model_outputs:
        model.postprocessors.extend([spk.transform.CastTo64(), offsets])
    return model.eval()


MODELS = {
    "MolField": partial(model_of, MolField, n_angles=2, frame="soft"),
    "MolField, molecule charts": partial(model_of, MolField, charts="molecule"),
    "MolField with heads": lambda: model_of(
        MolField, FieldValue(8, ["C", "O"]), ElectronDensity(8), SignedDistance(8)
    ),
    "ChartAutoencoder": lambda: model_of(ChartAutoencoder, FieldValue(8, ["C", "O"])),
    "PaiNN": partial(model_of, spk.representation.PaiNN),
    "SchNet": partial(model_of, spk.representation.SchNet),
    "SO3net": partial(model_of, spk.representation.SO3net, lmax=2),
}


def outputs(model: nn.Module, atoms: Atoms) -> dict[str, torch.Tensor]:
    dtype = next(model.parameters()).dtype
    inputs = AtomsConverter(ASENeighborList(CUTOFF), dtype=dtype)(atoms)
    points = torch.tensor(atoms.positions[:3] + 0.3, dtype=dtype)
    asked = {"field_points": points, "field_n_points": torch.tensor([3])}
    return {key: value.detach() for key, value in model(inputs | asked).items()}


@pytest.mark.parametrize("name", MODELS)
def test_numbers_are_the_same_to_the_last_bit(name: str, dtype, ethanol, tmp_path: Path) -> None:
    model = MODELS[name]().to(dtype)
    save_model_file(tmp_path / "model.safetensors", model)
    loaded = load_model_file(tmp_path / "model.safetensors")
    assert repr(loaded) == repr(model)
    before, after = outputs(model, ethanol), outputs(loaded, ethanol)
    assert before.keys() == after.keys()
    for key, value in before.items():
        assert value.dtype == after[key].dtype
        assert torch.equal(value, after[key]), key


def test_what_is_shared_and_frozen_stays_so(tmp_path: Path) -> None:
    model = MODELS["MolField"]()
    assert model.representation.cutoff_fn is model.representation.function.cutoff_fn
    model.representation.embedding.requires_grad_(False)
    save_model_file(tmp_path / "model.safetensors", model)
    representation = load_model_file(tmp_path).representation
    assert representation.cutoff_fn is representation.function.cutoff_fn
    assert representation.cutoff is representation.cutoff_fn.cutoff
    assert not representation.embedding.weight.requires_grad
    assert representation.radial_functions.weight.requires_grad


def test_values_of_all_kinds() -> None:
    module = nn.Module()
    module.kept = {
        (1, "a"): [None, True, 0.1, float("inf")],
        "set": {1, 2},
        "torch": (torch.float64, torch.device("cpu"), torch.Size([2, 3])),
        "functions": [torch.tanh, nn.functional.gelu, partial(nn.functional.elu, alpha=0.3)],
    }
    module.arrays = [np.arange(3.0), np.float32(0.1)]
    structure, tensors = describe(module)
    kept = rebuild(json.loads(json.dumps(structure)), tensors)
    *functions, elu = kept.kept.pop("functions")
    assert functions == module.kept.pop("functions")[:2]
    assert (elu.func, elu.keywords) == (nn.functional.elu, {"alpha": 0.3})
    assert kept.kept == module.kept
    assert np.array_equal(kept.arrays[0], np.arange(3.0))
    assert kept.arrays[1] == np.float32(0.1) and type(kept.arrays[1]) is np.float32


@pytest.fixture
def recorded(make_model, record, tmp_path: Path) -> Path:
    """A `best_model` of a potential in kcal/mol."""
    model = make_model(forces=True)
    model.molfield_record = record | {"forces_key": "forces"}
    torch.save(model, tmp_path / "best_model")
    return tmp_path / "best_model"


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_export_and_use_without_pickle(recorded: Path, ethanol, tmp_path, monkeypatch) -> None:
    expected = MolFieldCalculator(recorded).get_forces(ethanol)
    safe = tmp_path / "safe" / "model.safetensors"
    assert isinstance(run("export", str(recorded), "-o", str(safe)).exception, FileNotFoundError)
    safe.parent.mkdir()
    done = run("export", str(recorded), "-o", str(safe))
    assert done.exit_code == 0 and f"wrote {safe}" in done.stdout
    assert isinstance(run("export", str(recorded), "-o", str(safe)).exception, FileExistsError)
    (tmp_path / "other").touch()
    assert safe.stat().st_mode == (tmp_path / "other").stat().st_mode  # others may read it, too
    with safe_open(safe, "pt") as file:
        metadata = file.metadata()
    assert json.loads(metadata["record"])["property_units"] == {"energy": "kcal/mol"}
    assert json.loads(metadata["config"])["class"].endswith(":NeuralNetworkPotential")
    assert json.loads(metadata["versions"])["schnetpack"] == spk.__version__

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("unpickled")

    for name in ("Unpickler", "load", "loads"):
        monkeypatch.setattr(pickle, name, forbidden)
    monkeypatch.setattr(torch, "load", forbidden)
    for path in (safe, safe.parent):
        assert np.array_equal(MolFieldCalculator(path).get_forces(ethanol), expected)


def test_spkmd_reads_it(recorded: Path, ethanol, tmp_path: Path) -> None:
    from schnetpack.md import System

    from schnetpack_molfield.interfaces.md import md_calculator

    model = load_model_file(recorded)
    model.postprocessors[1].mean = model.postprocessors[1].mean[0]  # SchNetPack prints one number
    save_model_file(tmp_path / "model.safetensors", model)
    torch.save(model, recorded)
    forces = []
    for file in ("best_model", "model.safetensors"):
        system = System()
        system.load_molecules([ethanol], n_replicas=1, position_unit_input="Angstrom")
        system = system.to(torch.float64)
        md_calculator(str(tmp_path / file)).calculate(system)
        forces.append(system.forces)
    assert torch.equal(*forces)


def test_a_field_is_asked_of_it(ethanol, tmp_path: Path) -> None:
    model, points = MODELS["MolField with heads"](), ethanol.positions[:3] + 0.3
    save_model_file(tmp_path / "model.safetensors", model)
    fields = [MolecularField.from_model(m, ethanol) for m in (model, tmp_path)]
    assert torch.equal(*(field(points) for field in fields))


def test_units_of_the_run_become_part_of_the_file(make_model, tmp_path: Path) -> None:
    torch.save(make_model(forces=True), tmp_path / "best_model")
    units = "data:\n  distance_unit: Ang\n  property_units: {energy: kcal/mol}\n"
    (tmp_path / "config.yaml").write_text(units)
    (tmp_path / "elsewhere").mkdir()
    run("export", str(tmp_path), "--out", str(tmp_path / "elsewhere" / "model.safetensors"))
    MolFieldCalculator(tmp_path / "elsewhere")  # refuses a model whose units it can't find


def refused(path: Path) -> str:
    with pytest.raises(ValueError) as caught:
        load_model_file(path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    return message


@pytest.fixture
def safe(make_model, tmp_path: Path) -> Path:
    save_model_file(tmp_path / "model.safetensors", make_model())
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("n_bytes", [0, 7, 5000, -1])
def test_truncated_file(safe: Path, n_bytes: int) -> None:
    safe.write_bytes(safe.read_bytes()[:n_bytes])
    assert "damaged" in refused(safe)


def test_foreign_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"weight": torch.zeros(2)}, path, {"format": "pt"})
    assert "no model of this package" in refused(path)
    path.write_bytes(pickle.dumps("model"))
    assert "isn't safetensors" in refused(path)


def rewritten(path: Path, **changes: object) -> str:
    """The refusal of a file whose metadata or tensors were changed: `None` takes one away."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    for name, value in changes.items():
        chosen = metadata if isinstance(value, str) else tensors
        if value is None:
            del chosen[name]
        else:
            chosen[name] = value
    save_file(tensors, path, metadata)
    return refused(path)


WEIGHT = "representation.embedding.weight"


def test_newer_format(safe: Path) -> None:
    assert "pip install --upgrade" in rewritten(safe, molfield_format=str(FORMAT + 1))


@pytest.mark.parametrize("text", ['"x"', "[1]", "?", "null"])
def test_format_that_is_no_number(safe: Path, text: str) -> None:
    assert "damaged" in rewritten(safe, molfield_format=text)


def test_tensors_that_do_not_fit(safe: Path) -> None:
    assert "shape (2, 3), its structure says (" in rewritten(safe, **{WEIGHT: torch.zeros(2, 3)})


def test_tensors_that_are_missing_or_left_over(safe: Path) -> None:
    content = safe.read_bytes()
    assert f"{WEIGHT!r} is missing" in rewritten(safe, **{WEIGHT: None})
    safe.write_bytes(content)
    assert "'more' has no place" in rewritten(safe, more=torch.zeros(2))


@pytest.mark.parametrize(
    "config",
    ["{", "null", "7", "[]", "{}", '{"some": 1}', '{"class": "torch.nn:Linear"}', "[" * 9999],
)
def test_damaged_structure(safe: Path, config: str) -> None:
    rewritten(safe, config=config)


@pytest.mark.parametrize(
    "part",
    [
        {"class": "os:_Environ", "attributes": {}},
        {"class": "schnetpack.transform.neighborlist:CachedNeighborList", "attributes": {}},
        {"class": "schnetpack.md.calculators:SchNetPackCalculator", "attributes": {}},
        {"class": "schnetpack_molfield.model_files:Path", "attributes": {}},
        {"name": "os:system"},
        {"name": "torch:load"},
        {"name": "torch:compile"},
        {"name": "torch.nn.functional:torch"},
        {"name": "schnetpack.utils:load_model"},
        {"name": "schnetpack_molfield.fields:write_cube"},
        {"partial": {"name": "builtins:print"}, "args": [], "keywords": {}},
    ],
)
def test_nothing_else_is_made(safe: Path, part: dict) -> None:
    with safe_open(safe, "pt") as file:
        config = json.loads(file.metadata()["config"])
    config["attributes"]["more"] = part
    message = rewritten(safe, config=json.dumps(config))
    assert "trusted package" in message or "isn't defined in" in message


LAYER = """
from torch import nn

class Shift(nn.Module):
    def __init__(self, by):
        super().__init__()
        self.by = by

    def forward(self, inputs):
        inputs["energy"] = inputs["energy"] + self.by
        return inputs
"""


def test_a_class_of_ones_own_is_made_if_it_is_trusted(make_model, ethanol, tmp_path, monkeypatch):
    (tmp_path / "my_layers.py").write_text(LAYER)
    monkeypatch.syspath_prepend(tmp_path)
    from my_layers import Shift  # type: ignore[import-not-found]

    model = make_model().eval()
    model.output_modules.append(Shift(1.5))
    save_model_file(tmp_path / "model.safetensors", model)
    assert "MOLFIELD_TRUST=my_layers" in refused(tmp_path / "model.safetensors")
    monkeypatch.setenv("MOLFIELD_TRUST", "other, my_layers")
    loaded = load_model_file(tmp_path)
    assert torch.equal(outputs(loaded, ethanol)["energy"], outputs(model, ethanol)["energy"])
    del sys.modules["my_layers"]


@pytest.mark.parametrize("kind", ["hook", "script", "lambda", "object"])
def test_code_is_refused_by_its_place(kind: str, make_model, recorded, tmp_path: Path) -> None:
    model = make_model()
    layer = model.representation.embedding
    if kind == "hook":
        layer.register_forward_hook(print)
    elif kind == "script":
        model.representation.embedding = torch.jit.script(nn.Identity())
    elif kind == "lambda":
        layer.scale = lambda x: x
    else:
        layer.scale = object()
    with pytest.raises(TypeError, match=r"representation\.embedding"):
        save_model_file(tmp_path / "model.safetensors", model)
    assert not (tmp_path / "model.safetensors").exists()


def test_header_that_promises_too_much(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    assert "damaged" in refused(path)
