"""SchNetPack's own commands find and run this package's configurations, from any folder.

Trainings have two steps; the first of them is a program of its own, the others are quicker.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import schnetpack.cli  # noqa: F401 (registers the resolvers of SchNetPack's configurations)
import torch
from ase.build import molecule
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from schnetpack.data import ASEAtomsData
from schnetpack.interfaces import AtomsConverter
from schnetpack.transform import MatScipyNeighborList

from schnetpack_molfield.datasets import read_archive, write_database
from schnetpack_molfield.datasets.qm9 import SAMPLE
from schnetpack_molfield.datasets.qm9_reference import TARGETS
from schnetpack_molfield.model_files import load_model_file
from schnetpack_molfield.train import RunResults, read_record

pytestmark = pytest.mark.filterwarnings("ignore:provider=hydra.searchpath")  # ./configs is optional


@pytest.fixture(autouse=True)
def _from_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    with initialize_config_module("schnetpack.configs", version_base="1.2"):
        yield


def configure(*overrides: str) -> DictConfig:
    config = compose("train", overrides=[*overrides, "model.representation.n_atom_basis=16"])
    OmegaConf.resolve(config.model)
    return config


def predict(config: DictConfig, *names: str) -> dict[str, np.ndarray]:
    """Untrained predictions for some molecules, without postprocessing."""
    model = instantiate(config.model)
    model.do_postprocessing = False
    convert = AtomsConverter(MatScipyNeighborList(cutoff=5.0))
    results = model(convert([molecule(name) for name in names]))
    return {key: value.detach().numpy() for key, value in results.items()}


@pytest.mark.parametrize("target", TARGETS)
def test_every_qm9_target_has_a_read_out(target: str) -> None:
    config = configure("experiment=molfield_qm9", f"globals.property={target}")
    prediction = predict(config, "CH4", "CH3CH2OH", "H2")[target]
    assert prediction.shape == (3,)
    assert np.isfinite(prediction).all()
    assert config.task.outputs[0].name == target


@pytest.mark.parametrize(
    ("target", "size_dependence"),
    [("energy_U0", 2.0), ("zpve", 2.0), ("isotropic_polarizability", 2.0), ("homo", 1.0)],
)
def test_sums_and_averages(target: str, size_dependence: float) -> None:
    """Two methanes beyond the cutoff have twice the energy and the same HOMO as one."""
    model = instantiate(
        configure("experiment=molfield_qm9", f"globals.property={target}").model
    ).double()
    model.do_postprocessing = False
    one, two = molecule("CH4"), molecule("CH4")
    two.translate([50.0, 0, 0])
    convert = AtomsConverter(MatScipyNeighborList(cutoff=5.0), dtype=torch.float64)
    single, pair = model(convert([one]))[target], model(convert([one + two]))[target]
    assert pair.item() == pytest.approx(size_dependence * single.item(), rel=1e-10)


@pytest.mark.parametrize(
    ("target", "mean", "atomrefs", "extensive"),
    [
        ("energy_U0", True, True, True),
        ("free_energy", True, True, True),
        ("heat_capacity", True, False, True),
        ("homo", True, False, False),
        ("dipole_moment", False, False, None),
        ("electronic_spatial_extent", False, False, None),
    ],
)
def test_offsets_go_out_and_come_back(target, mean, atomrefs, extensive) -> None:
    config = configure("experiment=molfield_qm9", f"globals.property={target}")
    removed = [t for t in config.data.transforms if "RemoveOffsets" in t._target_]
    added = [t for t in config.model.postprocessors if "AddOffsets" in t._target_]
    assert len(removed) == len(added) == int(mean)
    for out, back in zip(removed, added, strict=True):
        assert out.get("remove_mean", False) == back.get("add_mean", False) == mean
        assert out.get("remove_atomrefs", False) == back.get("add_atomrefs", False) == atomrefs
        assert out.get("is_extensive", True) == back.get("is_extensive", True) == extensive


@pytest.mark.parametrize("name", ["molfield_md17", "molfield_rmd17", "molfield_custom"])
def test_force_fields(name: str) -> None:
    config = configure(f"experiment={name}", "data.datapath=any.db")
    results = predict(config, "CH3CH2OH", "H2O")
    assert results["energy"].shape == (2,)
    assert results["forces"].shape == (12, 3)


@pytest.mark.parametrize("precision", [32, 64])
def test_precision_is_one_switch(precision: int) -> None:
    config = configure("experiment=molfield_md17", f"globals.precision={precision}")
    assert config.trainer.precision == precision
    assert type(instantiate(config.data.transforms[-1])).__name__ == f"CastTo{precision}"


@pytest.mark.parametrize("charts", ["atom", "molecule"])
@pytest.mark.parametrize("name", ["qm9_atomwise", "qm9_dipole", "md17", "rmd17"])
def test_schnetpack_s_experiments_take_the_representation(name: str, charts: str) -> None:
    config = configure(
        f"experiment={name}",
        "model/representation=molfield",
        f"model.representation.charts={charts}",
    )
    assert all(np.isfinite(value).all() for value in predict(config, "CH4", "H2O").values())


def test_response_properties_reach_the_representation() -> None:
    config = configure("experiment=response", "model/representation=molfield")
    wanted = config.model.representation.response_properties
    assert wanted == config.globals.response_properties
    assert "response_properties" in config.model.representation
    assert (
        configure("experiment=md17", "model/representation=molfield").model.representation[
            "response_properties"
        ]
        is None
    )


def test_variational_functions() -> None:
    """Those of molfield_functions and one more term of the loss, of a chosen weight."""
    plain = configure("experiment=molfield_functions")
    config = configure("experiment=molfield_variational", "globals.kl_weight=0.25")
    *outputs, divergence = [instantiate(output) for output in config.task.outputs]
    assert [output.name for output in outputs] == [output.name for output in plain.task.outputs]
    results = instantiate(config.model)(
        AtomsConverter(MatScipyNeighborList(cutoff=5.0))([molecule("CH4"), molecule("H2O")])
    )
    expected = 0.25 * results["kl_divergence"].sum() / 2
    torch.testing.assert_close(divergence.calculate_loss(results), expected)
    assert expected > 0 and "kl_divergence" not in instantiate(plain.model).model_outputs


@pytest.fixture(scope="session")
def quickstart(tmp_path_factory, run_command, few_steps) -> tuple[Path, str]:
    """The quickstart cut down to two steps: its run folder and what it printed."""
    folder = tmp_path_factory.mktemp("user")
    done = run_command(folder, "spktrain", "experiment=molfield_quickstart", *few_steps)
    return next((folder / "runs").iterdir()), done.stdout


def test_quickstart_ends_with_error_model_and_usage(quickstart: tuple[Path, str]) -> None:
    run, output = quickstart
    for label, unit in (("energy", "eV"), ("forces", "eV/Ang"), ("electron_density", "e/Ang^3")):
        assert [label, unit] in [line.split()[:2] for line in output.splitlines()]
    assert f'MolFieldCalculator("{run}/best_model")' in output
    assert len(output.splitlines()) < 40  # the rest is in cli.log
    assert "Instantiating model" in (run / "cli.log").read_text()
    assert (run / "best_model").exists()
    assert len(ASEAtomsData(str(run.parents[1] / "data" / "molfield_ethanol_sample.db"))) == 300


def test_usage_line_works_as_printed(quickstart: tuple[Path, str]) -> None:
    (line,) = [line for line in quickstart[1].splitlines() if line.startswith("  in ASE")]
    statement = line.removeprefix("  in ASE").strip()
    names = {"atoms": molecule("CH3CH2OH")}
    exec(statement, names)
    ethanol = names["atoms"]
    energy, forces = ethanol.get_potential_energy(), ethanol.get_forces()
    assert energy == pytest.approx(-4210.0, abs=5)  # PBE total energy of ethanol in eV
    ethanol.positions += 0.01 * forces / np.linalg.norm(forces)
    change = ethanol.get_potential_energy() - energy  # none if the model knew the mean only
    assert change == pytest.approx(-0.01 * np.linalg.norm(forces), rel=0.1) and change < -1e-3


def test_commands_work_as_printed(
    quickstart: tuple[Path, str], run_command, run_in_process
) -> None:
    """Dynamics, the file for LAMMPS, a grid and a picture of the model that was trained."""
    pytest.importorskip("matplotlib")
    run, output = quickstart
    printed = [re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in output.splitlines()]
    commands = {words[0]: shlex.split(words[1]) for words in printed if len(words) == 2}
    short = {"molecular dynamics": ["dynamics.n_steps=5"], "picture": ["--spacing", "0.3"]}
    made = {
        "molecular dynamics": "md/simulation.hdf5",
        "for LAMMPS": "deployed_model",
        "field on a grid": "field.cube",
        "picture": "field.png",
    }
    for purpose, file in made.items():
        program, *arguments = [*commands[purpose], *short.get(purpose, [])]
        run_one = run_command if program == "spkmd" else run_in_process  # its resolvers are taken
        run_one(run, program, *arguments)
        assert (run / file).stat().st_size > 1000, purpose


def test_a_training_begins_at_a_trained_model(
    quickstart: tuple[Path, str], tmp_path, run_in_process, few_steps
) -> None:
    """With a learning rate of zero it is that model in the end."""
    start = ["model=molfield_trained", f"model.path={quickstart[0]}", "globals.lr=0", "seed=1"]
    run_in_process(tmp_path, "spktrain", "experiment=molfield_quickstart", *start, *few_steps)
    (best,) = tmp_path.glob("runs/*/best_model")
    before, after = (load_model_file(path) for path in (quickstart[0], best))
    for name, weights in before.representation.named_parameters():
        assert torch.equal(weights, after.representation.get_parameter(name)), name


@pytest.fixture(scope="session")
def qm9_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mine") / "qm9.db"
    write_database(path, [read_archive(SAMPLE)])
    return path


@pytest.mark.parametrize("target", ["dipole_moment", "homo", "electronic_spatial_extent"])
def test_qm9_runs_on_a_database_of_the_user(
    tmp_path, run_in_process, few_steps, qm9_database, target
) -> None:
    options = [f"data.datapath={qm9_database}", "data.num_train=100", "data.num_val=20"]
    done = run_in_process(
        tmp_path,
        "spktrain",
        "experiment=molfield_qm9",
        f"globals.property={target}",
        "data.batch_size=10",
        *options,
        *few_steps,
    )
    (results,) = tmp_path.glob("runs/*/results.json")
    assert RunResults.read(results).errors[target]["mae"] > 0
    assert "in ASE" not in done.stdout and "spkpredict" in done.stdout
    assert list(tmp_path.glob("runs/*/best_model"))


def test_response_is_trained(tmp_path, run_in_process, few_steps) -> None:
    """With the torchmetrics that is there, which SchNetPack's own metrics may not fit."""
    rng, atoms = np.random.default_rng(0), molecule("CH3OH")
    shapes = {"energy": (1,), "dipole_moment": (1, 3), "polarizability": (1, 3, 3)}
    shapes |= {"forces": (6, 3), "shielding": (6, 3, 3)}
    database = ASEAtomsData.create(
        str(tmp_path / "x.db"),
        distance_unit="Ang",
        property_unit_dict=dict.fromkeys(shapes, "eV") | {"forces": "eV/Ang"},
    )
    labels = [{key: rng.normal(size=shape) for key, shape in shapes.items()} for _ in range(8)]
    database.add_systems(labels, [atoms] * 8)
    done = run_in_process(
        tmp_path,
        "spktrain",
        "experiment=molfield_response",
        f"data.datapath={tmp_path / 'x.db'}",
        *("data.num_train=4", "data.num_val=2", "data.num_test=2", "data.batch_size=2"),
        "globals.cutoff=4.0",
        *few_steps,
    )
    assert "polarizability" in done.stdout
    assert list(tmp_path.glob("runs/*/best_model"))


def test_custom_database_in_double_precision(tmp_path, run_in_process, few_steps) -> None:
    positions = molecule("H2O").positions + np.random.default_rng(0).normal(0, 0.05, (30, 3, 3))
    labels = {"E_kcal_mol": positions.sum((1, 2)), "F_kcal_mol_A": positions}
    np.savez(tmp_path / "water.npz", Z=[8, 1, 1], R=positions, **labels)
    renames = ["--rename", "energy=U", "--rename", "forces=dU", "--per-atom", "F_kcal_mol_A"]
    run_in_process(tmp_path, "molfield", "import", "water.npz", "-o", "water.db", *renames)
    done = run_in_process(
        tmp_path,
        "spktrain",
        "experiment=molfield_custom",
        "data.datapath=water.db",
        "globals.energy_key=U",
        "globals.forces_key=dU",
        "globals.precision=64",
        *few_steps,
    )
    assert ["dU", "eV/Ang"] in [line.split()[:2] for line in done.stdout.splitlines()]
    assert "in ASE" in done.stdout and "spkmd --config-name molfield_md" in done.stdout
    (best,) = tmp_path.glob("runs/*/best_model")
    record = read_record(torch.load(best, weights_only=False))
    assert record["dtype"] == "float64"
    assert record["energy_key"] == "U"
    assert record["property_units"] == {"U": "eV", "dU": "eV/Ang"}
    assert record["elements"] == ["H", "O"]


@pytest.mark.parametrize("representation", ["schnet", "painn", "so3net", "molfield"])
@pytest.mark.parametrize("basis", ["molfield_learned", "molfield_learned_log"])
def test_learned_encodings_in_place_of_the_radial_basis(representation: str, basis: str) -> None:
    config = configure(
        "experiment=md17",
        f"model/representation={representation}",
        f"model/representation/radial_basis={basis}",
    )
    encoding = instantiate(config.model).representation.radial_basis
    assert encoding.short_range == (basis == "molfield_learned_log")
    assert encoding.spline.lr_scale == (10 if encoding.short_range else 1)
    assert encoding.pair is None


@pytest.mark.parametrize(
    ("base", "extra"),
    [
        ("schnetpack.representation.SchNet", []),
        ("schnetpack.representation.PaiNN", []),
        ("schnetpack.representation.SO3net", ["+model.representation.lmax=1"]),
        ("schnetpack_molfield.representation.MolField", []),
    ],
)
def test_pairs_of_elements_around_a_representation(base: str, extra: list[str]) -> None:
    config = configure(
        "experiment=md17",
        "model/representation=molfield_element_pairs",
        f"model.representation.base={base}",
        *extra,
    )
    representation = instantiate(config.model).representation.representation
    assert type(representation).__name__ == base.split(".")[-1]
    assert representation.radial_basis.pair.rank == 16
    assert np.isfinite(predict(config, "CH4", "CH3CH2OH")["forces"]).all()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["experiment=molfield_qm9", "globals.property=enrgy_U0"], "did you mean 'energy_U0'"),
        (["experiment=molfield_custom"], "data.datapath=FILE.db"),
        (["experiment=molfield_custom", "data.datapath=/nowhere/a.db"], "molfield import"),
    ],
)
def test_mistakes_are_explained_without_a_traceback(
    tmp_path, run_in_process, few_steps, overrides, message
) -> None:
    done = run_in_process(tmp_path, "spktrain", *overrides, *few_steps, check=False)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr
