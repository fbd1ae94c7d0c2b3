"""What a user installs: a wheel with configurations, sample data and the Hydra plugin."""

import re
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from zipfile import ZipFile

import pytest
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

import schnetpack_molfield

ROOT = Path(__file__).parents[1]


def test_public_names_are_imported_on_first_use() -> None:
    assert schnetpack_molfield.MolField.__name__ == "MolField"
    assert set(schnetpack_molfield.__all__) <= set(dir(schnetpack_molfield))
    with pytest.raises(AttributeError, match="MolFeild"):
        schnetpack_molfield.MolFeild  # noqa: B018


@pytest.mark.parametrize("module", ["schnetpack_molfield", "hydra_plugins.schnetpack_molfield"])
def test_hydra_programs_don_t_import_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_plugin_is_found_in_both_ways() -> None:
    found = {plugin.__name__ for plugin in Plugins.instance().discover(SearchPathPlugin)}
    (declared,) = entry_points(group="hydra.plugins", name="schnetpack_molfield")
    assert declared.load().__name__ in found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the sources, with the setuptools of this environment."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("schnetpack_molfield", "configs", "licenses"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", str(source / "dist")]
    subprocess.run([sys.executable, "-m", "pip", "wheel", ".", *options], cwd=source, check=True)
    return next((source / "dist").glob("*.whl"))


def test_wheel_holds_every_module_and_configuration(wheel: Path) -> None:
    inside = set(ZipFile(wheel).namelist())
    modules = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "schnetpack_molfield").rglob("*.py")
        if "_hydra_ns" not in path.parts
    }
    configs = {
        f"schnetpack_molfield/{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / "configs").rglob("*.yaml")
    }
    wanted = modules | configs | {"schnetpack_molfield/datasets/qm9_sample.npz"}
    wanted |= {"schnetpack_molfield/fields/promolecule.csv"}
    wanted |= {"schnetpack_molfield/datasets/SAMPLES.md"}  # names the licences of the samples
    wanted |= {"schnetpack_molfield/py.typed", "hydra_plugins/schnetpack_molfield/__init__.py"}
    assert wanted <= inside
    assert any(name.endswith("licenses/licenses/LGPL-3.0.txt") for name in inside)
    assert "hydra_plugins/__init__.py" not in inside  # other packages share this namespace


def test_wheel_holds_nothing_else_at_the_top(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in ZipFile(wheel).namelist()}
    assert {re.sub(r"-.*", "", top) for top in tops} == {"schnetpack_molfield", "hydra_plugins"}
    assert wheel.stat().st_size < 3_000_000


def test_experiments_are_found_from_an_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    """Installed into a folder that comes first on the path, away from the sources."""
    site, user = tmp_path / "site", tmp_path / "user"
    user.mkdir()
    ZipFile(wheel).extractall(site)
    code = (
        "import schnetpack_molfield, sys; from schnetpack.cli import train;"
        f"assert schnetpack_molfield.__file__.startswith({str(site)!r});"
        "sys.argv[1:] = ['experiment=molfield_qm9', '--cfg', 'job']; train()"
    )
    environment = {"PYTHONPATH": str(site), "PWD": str(user), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=user, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "schnetpack_molfield.representation.MolField" in done.stdout
