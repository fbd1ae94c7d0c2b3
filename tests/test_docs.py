"""What README and docs say holds: blocks run or compose, links lead somewhere, pages are new."""

import importlib.util
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import schnetpack as spk
import schnetpack.cli  # noqa: F401 (registers the resolvers of SchNetPack's configurations)
import torch
import typer
import yaml
from ase.build import molecule
from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import get_object
from omegaconf import OmegaConf

from schnetpack_molfield import MolField
from schnetpack_molfield.atomistic import ElectronDensity, LearnedDistance
from schnetpack_molfield.cli import app
from schnetpack_molfield.fit import FitOptions, FitTask, save_fit_file
from schnetpack_molfield.representation import TrajectoryAtlas
from schnetpack_molfield.train import attach_record

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LANGUAGES = {"python", "bash", "yaml", "text", "pycon"}
#: Commands that aren't ours, or whose options are checked elsewhere.
OTHER_PROGRAMS = {
    "ase",
    "cd",
    "eval",
    "git",
    "mypy",
    "pip",
    "pytest",
    "ruff",
    "spkdeploy",
    "spkpredict",
}

pytestmark = [
    pytest.mark.filterwarnings("ignore:provider=hydra.searchpath"),  # ./configs is optional
    pytest.mark.filterwarnings("ignore:Attribute 'model' is an instance of `nn.Module`"),
]
name_of = {page: page.relative_to(ROOT).as_posix() for page in PAGES}
every_page = pytest.mark.parametrize("page", PAGES, ids=name_of.values())


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, with the comment in the line before it."""

    page: Path
    line: int
    language: str
    code: str
    comment: str

    @property
    def runs(self) -> bool:
        """Whether it can be executed here."""
        needed = re.match(r"<!-- needs: (.*) -->", self.comment)
        missing = needed and any(find_spec(name) is None for name in needed[1].split(", "))
        return not missing and not self.comment.startswith("<!-- not run: ")

    def __str__(self) -> str:
        return f"{name_of[self.page]}:{self.line}"


def blocks(page: Path, language: str = "") -> Iterator[Block]:
    """Blocks of a page, of one language or of all."""
    lines = page.read_text().splitlines()
    start: int | None = None
    for i, line in enumerate(lines):
        if line.startswith("```") and start is None:
            start = i
        elif line.startswith("```"):
            assert start is not None
            found, before = lines[start][3:], lines[start - 1] if start else ""
            if language in ("", found):
                code = "\n".join(lines[start + 1 : i])
                yield Block(page, start + 1, found, code, before if before[:4] == "<!--" else "")
            start = None
    assert start is None, f"{page}: a block that doesn't end"


def pages_with(language: str) -> Any:
    found = [page for page in PAGES if any(blocks(page, language))]
    return pytest.mark.parametrize("page", found, ids=[name_of[page] for page in found])


@pytest.fixture(scope="module")
def models() -> dict[str, torch.nn.Module]:
    """A tiny potential with a density, a surface in time; untrained: docs promise no numbers."""
    torch.manual_seed(0)
    potential = spk.model.NeuralNetworkPotential(
        MolField(16, 2, spk.nn.GaussianRBF(8, 4.0), spk.nn.CosineCutoff(4.0)),
        input_modules=[spk.atomistic.PairwiseDistances()],
        output_modules=[
            spk.atomistic.Atomwise(16, output_key="energy"),
            spk.atomistic.Forces(),
            ElectronDensity(16),
        ],
    )
    atlas = TrajectoryAtlas(n_charts=4, n_knots=4, n_atom_basis=16)
    atlas.begin([0.0, 50.0, 100.0, 200.0], molecule("CH3CH2OH").positions)
    surface = spk.model.NeuralNetworkPotential(atlas, output_modules=[LearnedDistance(16)])
    return {"potential": potential.eval(), "surface": surface.eval()}


@pytest.fixture
def folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    models: dict[str, torch.nn.Module],
    record: dict[str, object],
) -> Callable[[Path], None]:
    """Enter a folder with the files that a page speaks of."""

    def enter(page: Path) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PWD", str(tmp_path))
        model = models["surface" if page.stem == "surfaces_in_time" else "potential"]
        attach_record(model, record | {"dtype": "float32", "forces_key": "forces"})
        torch.save(model, "best_model")
        for run in re.findall(r'"(runs/seed_\d)"', page.read_text()):
            Path(run).mkdir(parents=True, exist_ok=True)
            torch.save(model, Path(run) / "best_model")
        if "complex.pt" in page.read_text():
            _fit(tmp_path / "complex.pt")

    return enter


def _fit(path: Path) -> None:
    """An ensemble of two structures, fitted in a few steps."""
    atoms = molecule("H2O")
    moved = atoms.copy()
    moved.rotate(20, "z")
    task = FitTask([atoms, moved], ["H", "O"], n_grid=8, options=FitOptions(n_steps=20))
    fit = task.start()
    for _ in fit.run():
        pass
    save_fit_file(path, task, fit)


@pages_with("python")
def test_python_blocks_run(page: Path, folder: Callable[[Path], None]) -> None:
    """All blocks of a page in one namespace, as a reader would type them."""
    folder(page)
    namespace: dict[str, Any] = {"__name__": "docs"}
    for block in blocks(page, "python"):
        code = compile(block.code, str(block), "exec")
        if block.runs:
            exec(code, namespace)


def commands(block: Block) -> Iterator[list[str]]:
    """Commands of a block, each as a list of words."""
    line = ""
    for part in block.code.replace("\\\n", " ").splitlines():
        line = f"{line}\n{part}" if line else part
        try:
            words = shlex.split(line, comments=True)
        except ValueError:  # a quotation that goes on
            continue
        line = ""
        while words:
            end = words.index("&&") if "&&" in words else len(words)
            command, words = words[:end], words[end + 1 :]
            if command:
                yield command[: command.index(">")] if ">" in command else command
    assert not line, f"{block}: a quotation that doesn't end"


@pages_with("bash")
def test_commands_exist(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configurations compose, options are there; nothing is trained."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    monkeypatch.syspath_prepend(str(ROOT))
    for block in blocks(page, "bash"):
        for program, *arguments in commands(block):
            try:
                _check(program, arguments)
            except BaseException as error:  # Typer's and Hydra's have no common ancestor
                line = " ".join([program, *arguments])
                raise AssertionError(f"{block}: {line}: {error}") from error


def _check(program: str, arguments: list[str]) -> None:
    if program == "spktrain":
        _compose("train", *arguments)
    elif program == "spkmd":
        _compose(arguments[arguments.index("--config-name") + 1], *arguments[2:])
    elif program == "molfield":
        _parse(typer.main.get_command(app), arguments)
    elif program in ("python", "python3"):
        _check_python(arguments)
    elif program in ("pip", "pytest"):
        for word in arguments:
            _check_word(program, word)
    else:
        assert program in OTHER_PROGRAMS, f"unknown program {program}"


@cache
def _compose(name: str, *overrides: str) -> None:
    GlobalHydra.instance().clear()
    with initialize_config_module("schnetpack.configs", version_base="1.2"):
        config = compose(name, overrides=list(overrides))
    if "model" in config:
        OmegaConf.resolve(config.model)


def _parse(command: Any, arguments: list[str]) -> None:
    """Read the arguments as the command would, without running it."""
    if hasattr(command, "commands") and arguments:
        name, *arguments = arguments
        command = command.get_command(command.make_context("molfield", [name]), name)
        assert command is not None, f"no command {name}"
    if "--help" not in arguments:
        command.make_context("docs", list(arguments))


def _check_python(arguments: list[str]) -> None:
    first, *others = arguments
    if first == "-c":
        compile(others[0], "-c", "exec")
    elif first == "-m":
        module = importlib.import_module(others[0])
        benchmark = getattr(module, "app", None) or typer.Typer()
        if not hasattr(module, "app"):
            benchmark.command()(module.main)
        _parse(typer.main.get_command(benchmark), others[1:])
    else:
        assert (ROOT / first).is_file(), f"no script {first}"


def _check_word(program: str, word: str) -> None:
    """Extras that are named are there, and so are tests."""
    if extras := re.fullmatch(r"\.\[(.*)\]", word):
        known = (ROOT / "pyproject.toml").read_text()
        assert all(re.search(rf"^{name} = \[", known, re.M) for name in extras[1].split(","))
    elif program == "pytest" and word.startswith("tests"):
        assert (ROOT / word).exists(), f"no tests {word}"


@pages_with("yaml")
def test_configurations_name_what_is_there(page: Path) -> None:
    for block in blocks(page, "yaml"):
        for target in _targets(yaml.safe_load(block.code)):
            get_object(target)


def _targets(node: Any) -> Iterator[str]:
    for child in node.values() if isinstance(node, dict) else node if type(node) is list else []:
        yield from _targets(child)
    if isinstance(node, dict) and "_target_" in node:
        yield node["_target_"]


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|\$\$.*?\$\$|\$[^$\n]*\$", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{name_of[page]} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(), re.M)
            assert anchor in map(_anchor, headings), f"{name_of[page]} links to {target}"


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@every_page
def test_blocks_have_a_language(page: Path) -> None:
    for block in blocks(page):
        assert block.language in LANGUAGES, f"{block}: {block.language}"


@pytest.mark.parametrize("page", sorted((ROOT / "docs/howto").glob("*.md")), ids=lambda p: p.stem)
def test_one_task_fits_on_a_page(page: Path) -> None:
    assert len(page.read_text().splitlines()) <= 100


def test_the_reference_is_what_the_code_says() -> None:
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs/make_reference.py")
    assert spec is not None and spec.loader is not None
    make_reference = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = make_reference
    spec.loader.exec_module(make_reference)
    for name, text in make_reference.pages().items():
        silent = re.findall(r"^\| `.*\|  \|$", text, re.M)
        assert not silent, f"{name}.md: an option that no docstring explains: {silent[0]}"
        page = ROOT / "docs" / "reference" / f"{name}.md"
        assert page.read_text() == text, f"{page.name} is old: python docs/make_reference.py"


def test_every_page_is_in_the_index() -> None:
    for folder in ("howto", "reference", "results"):
        index = ROOT / "docs" / ("results" if folder == "results" else "") / "README.md"
        text = index.read_text()
        for page in (ROOT / "docs" / folder).glob("*.md"):
            listed = page.name == "README.md" or f"{page.stem}.md)" in text
            assert listed, f"{index} has no link to {page.name}"


def test_the_readme_begins_with_who_needs_it() -> None:
    beginning = "\n".join((ROOT / "README.md").read_text().splitlines()[:5])
    assert "Use it if" in beginning and "Don't" in beginning
