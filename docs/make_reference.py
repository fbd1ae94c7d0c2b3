"""Write docs/reference from docstrings, signatures and the command line.

    python docs/make_reference.py

What a page says stands once, in the code; tests/test_docs.py fails where a page is older.
"""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import typer

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
NOTE = "<!-- written by docs/make_reference.py from the code: change the docstrings there -->"

#: Pages of classes and functions: title, and what of each module is on it.
PAGES: dict[str, tuple[str, dict[str, str]]] = {
    "representations": (
        "Representations and their parts",
        {
            "representation": "MolField LatentAtlas TrajectoryAtlas ChartAutoencoder ChartSizes "
            "MomentAutoencoder MomentEncoder CanonicalINR",
            "representation.function": "FieldFunction",
            "representation.frames": "EquivariantProjection SoftPolarFrame GramSchmidtFrame "
            "InvariantCoordinates",
            "representation.hypernetwork": "TransformerHyperNetwork LinearHyperNetwork "
            "SharedWeights VariationalLatent",
            "nn.activations": "Sine Gabor",
            "nn": "LearnedRadialEncoding LearnedAngularEncoding ElementPairs",
        },
    ),
    "heads": (
        "Heads: output modules that ask the molecule's function",
        {
            "atomistic": "FieldValue VectorValue SignedDistance LearnedDistance ElectronDensity "
            "ElectronQuadrature FieldReadout ElectronicSpatialExtent CoreRepulsion",
        },
    ),
    "fields": (
        "Fields",
        {
            "fields": "MolecularField LatentSpace VectorFunction PromoleculeDensity BallDistance "
            "ExactDistance SolventExcludedDistance SmoothDistance GaussianDistance "
            "molecular_surface QuantumCalculation Grid",
            "fit": "FittedFields FitTask FitOptions",
            "interfaces": "MolFieldCalculator molfield_force",
        },
    ),
    "generation": (
        "Priors over latents, and the assessment of molecules",
        {
            "generation": "PriorModel LatentPrior LatentData LinearSchedule GaussianNoise "
            "OptimalTransport IndependentCoupling VelocityPrediction EndpointPrediction "
            "EulerSampler HeunSampler AncestralSampler ChartNetwork Conditions",
            "assessment": "assess Assessment Scores judge_by_lengths judge_by_openbabel",
        },
    ),
    "training": (
        "Points, losses, metrics and callbacks",
        {
            "transform": "FieldPoints GivenPoints GridPoints RemoveOffsets AddOffsets",
            "train": "RelativeL1 RelativeL2 SurfaceLoss NormalLoss EikonalLoss WeightPoints "
            "IntersectionOverUnion RelativeL2Error ModelRecord ChooseThreads GroupRates",
        },
    ),
}

_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Example|Yields):$")


def pages() -> dict[str, str]:
    """Text of every page by its name without .md."""
    written = {name: _page(title, modules) for name, (title, modules) in PAGES.items()}
    return written | {"cli": _commands(), "keys": _keys(), "configurations": _configurations()}


def _lines(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _page(title: str, modules: dict[str, str]) -> str:
    entries = []
    for module, names in modules.items():
        home = f"schnetpack_molfield.{module}"
        entries += [_entry(home, n, getattr(import_module(home), n)) for n in names.split()]
    return _lines(f"# {title}", NOTE, *entries)


def _entry(home: str, name: str, thing: Any) -> str:
    """Everything about a class or function: what it is, its options, methods, errors."""
    sections = _sections(inspect.getdoc(thing) or "")
    described = _meanings(thing)
    rows = [_option(parameter, described) for parameter in _parameters(thing)]
    table = _table(("option", "type", "default", "meaning"), rows)
    errors = _table(("error", "when"), list(_described(sections.get("Raises", "")).items()))
    return _lines(
        f"## {name}", f"`{home}.{name}`", _markdown(sections[""]), table, errors, _methods(thing)
    ).strip()


def _meanings(thing: Any) -> dict[str, str]:
    """What docstrings say of the arguments, those of the classes it comes from included."""
    found: dict[str, str] = {}
    for part in reversed(inspect.getmro(thing)) if inspect.isclass(thing) else [thing]:
        sections = _sections(inspect.cleandoc(part.__doc__ or "") if _is_ours(part) else "")
        found |= _described(sections.get("Args", "") or sections.get("Attributes", ""))
    return found


def _is_ours(thing: Any) -> bool:
    return str(getattr(thing, "__module__", "")).startswith("schnetpack_molfield")


def _parameters(thing: Any) -> list[inspect.Parameter]:
    hidden = ("self", "unknown", "args", "kwargs")
    found = inspect.signature(thing).parameters.values()
    return [parameter for parameter in found if parameter.name not in hidden]


def _option(parameter: inspect.Parameter, described: dict[str, str]) -> tuple[str, ...]:
    stars = "**" if parameter.kind is inspect.Parameter.VAR_KEYWORD else ""
    default = "" if parameter.default is inspect.Parameter.empty else _value(parameter.default)
    meaning = described.get(parameter.name, "")
    return f"`{stars}{parameter.name}`", _type(parameter.annotation), default, meaning


def _value(value: Any) -> str:
    return f"`{getattr(value, '__name__', None) or repr(value)}`"


def _type(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    plain = inspect.isclass(annotation) and not get_args(annotation)
    text = annotation.__name__ if plain else str(annotation)
    return f"`{re.sub(r'([A-Za-z_]+[.])+', '', text)}`"


def _methods(thing: Any) -> str:
    """Public methods with the first line of their docstrings, for classes that users call."""
    if not inspect.isclass(thing) or hasattr(thing, "forward"):
        return ""
    rows = []
    for name, method in inspect.getmembers(thing, callable):
        if not name.startswith("_") and method.__doc__ and _is_ours(method):
            arguments = ", ".join(p.name for p in _parameters(method) if p.name != "cls")
            rows.append((f"`{name}({arguments})`", _first_line(method)))
    return _table(("method", "what it does"), rows)


def _first_line(thing: Callable[..., Any]) -> str:
    return _inline(inspect.getdoc(thing).split("\n\n")[0])


def _sections(docstring: str) -> dict[str, str]:
    """Parts of a Google-style docstring by heading; the description has the name ''."""
    sections, name = {"": ""}, ""
    for line in docstring.splitlines():
        heading = _SECTION.match(line)
        if heading:
            name = heading[1]
            sections[name] = ""
        else:
            sections[name] += line + "\n"
    return sections


def _described(section: str) -> dict[str, str]:
    """Names and texts of a list such as Args or Raises."""
    found: dict[str, str] = {}
    for line in textwrap.dedent(section).splitlines():
        name, colon, text = line.partition(":")
        if colon and not line.startswith(" "):
            found[name.strip("*")] = text.strip()
        elif found and line.strip():
            found[list(found)[-1]] += " " + line.strip()
    return {name: _inline(text) for name, text in found.items()}


def _inline(text: str) -> str:
    text = re.sub(r":math:`([^`]*)`", r"$\1$", " ".join(text.split()))
    return re.sub(r":\w+:`([^`]*)`", r"`\1`", text)


def _markdown(text: str) -> str:
    """Paragraphs, formulas and tables of a docstring in Markdown."""
    blocks = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(_block(block) for block in blocks)


def _block(block: str) -> str:
    if block.startswith(".. math::"):
        return f"$${' '.join(block.removeprefix('.. math::').split())}$$"
    lines = block.splitlines()
    if re.fullmatch(r"=+( +=+)+", lines[0].strip()):
        return _rst_table(textwrap.dedent(block).splitlines())
    if lines[0].lstrip().startswith("- "):
        return textwrap.dedent(block)
    return _inline(block) if block[0] != " " else f"```text\n{textwrap.dedent(block)}\n```"


def _rst_table(lines: list[str]) -> str:
    starts = [match.start() for match in re.finditer("=+", lines[0])]
    ends = [*starts[1:], None]
    rows: list[list[str]] = []
    for line in lines:
        if line.startswith("="):
            continue
        cells = [line[start:end].strip() for start, end in zip(starts, ends, strict=True)]
        if cells[0] or not rows:
            rows.append(cells)
        else:
            rows[-1] = [f"{old} {new}".strip() for old, new in zip(rows[-1], cells, strict=True)]
    return _table(tuple(rows[0]), [tuple(row) for row in rows[1:]])


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table, or nothing without rows."""
    if not rows:
        return ""
    body = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [list(head), ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _commands() -> str:
    from schnetpack_molfield.cli import app

    group: Any = typer.main.get_command(app)
    context = group.make_context("molfield", ["--help"], resilient_parsing=True)
    entries = [_command(n, group.get_command(context, n)) for n in group.list_commands(context)]
    return _lines("# The command `molfield`", NOTE, *entries)


def _command(name: str, command: Any) -> str:
    rows = []
    for parameter in command.params:
        names = ", ".join(f"`{option}`" for option in parameter.opts)
        if parameter.param_type_name == "argument":
            names = f"`{parameter.name.upper()}`"
        nothing = parameter.default is False or parameter.default in (None, "", (), [])
        default = "needed" if parameter.required else "" if nothing else f"`{parameter.default}`"
        rows.append((names, default, _inline(getattr(parameter, "help", None) or "")))
    table = _table(("argument or option", "default", "meaning"), rows)
    return _lines(f"## molfield {name}", _markdown(inspect.cleandoc(command.help)), table).strip()


def _keys() -> str:
    """The keys in SchNetPack's dictionary, from the comments of `properties`."""
    text = (ROOT / "schnetpack_molfield" / "properties.py").read_text()
    entries, comment = [], ""
    for line in text.splitlines():
        if line.startswith("## "):
            entries.append(f"## {line[3].upper()}{line[4:]}\n\n| key | what |\n|---|---|")
        elif line.startswith("#: "):
            comment += " " + line[3:]
        elif match := re.match(r'(\w+): Final\[str\] = "(\w+)"', line):
            entries[-1] += f"\n| `{match[2]}` | {comment.strip()} |"
            comment = ""
    doc = inspect.cleandoc(text.split('"""')[1])
    return _lines("# Keys in the dictionary", NOTE, _markdown(doc), *entries)


def _configurations() -> str:
    """Every configuration that ships, with the comment at its top."""
    groups: dict[str, list[tuple[str, ...]]] = {}
    for path in sorted((ROOT / "configs").rglob("*.yaml")):
        group = path.relative_to(ROOT / "configs").parent.as_posix()
        groups.setdefault(group, []).append((f"`{path.stem}`", " ".join(_comment(path))))
    entries = []
    for group, rows in groups.items():
        title = "Whole configurations, `--config-name`" if group == "." else f"`{group}`"
        entries.append(f"## {title}\n\n" + _table(("name", "what"), rows))
    return _lines("# Configurations", NOTE, *entries)


def _comment(path: Path) -> Iterator[str]:
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            return
        if "@package" not in line:
            yield line.removeprefix("#").strip()


def main() -> None:
    """Write all pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / f"{name}.md").write_text(text)


if __name__ == "__main__":
    main()
