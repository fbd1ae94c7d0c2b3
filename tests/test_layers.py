"""Imports point downwards only: between the rooms of the house, and between its files."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "schnetpack_molfield"

#: From the ground up; a module imports from its own room and from those before it.
ROOMS = (
    "ground",  # the modules beside the rooms
    "nn",
    "representation",
    "fields",
    "atomistic",
    "transform",
    "datasets",
    "assessment",
    "train",
    "generation",
    "fit",
    "analysis",
    "interfaces",
    "testing",
    "cli",
)

#: Rooms that methods of fields open when they are asked for: parts of that room.
ANNEXES = {"densities": "fields", "grid_files": "fields"}


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in PACKAGE.rglob("*.py") if "_hydra_ns" not in path.parts}


def imports_of(path: Path) -> set[str]:
    """Modules of the package that a file imports anywhere, also what only types need."""
    found: set[str] = set()
    todo: list[ast.AST] = [ast.parse(path.read_text())]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and path == PACKAGE / "__init__.py":
            continue  # the names that are imported on first use
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names if names <= set(MODULES) else {str(node.module), *names}
        todo += ast.iter_child_nodes(node)
    return found & set(MODULES)


GRAPH = {module: imports_of(path) - {module} for module, path in MODULES.items()}


def room_of(module: str) -> str:
    parts = module.split(".")
    room = parts[1] if len(parts) > 1 and (PACKAGE / parts[1]).is_dir() else "ground"
    return ANNEXES.get(room, room)


def test_every_room_has_its_place() -> None:
    assert {room_of(module) for module in MODULES} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_downwards(room: str) -> None:
    upwards = {
        f"{module} -> {imported}"
        for module, imports in GRAPH.items()
        for imported in imports
        if room_of(module) == room and ROOMS.index(room_of(imported)) > ROOMS.index(room)
    }
    assert not upwards


def test_no_files_import_each_other_in_a_circle() -> None:
    # a package imports its files to offer their names; files import the files, not the package
    # methods of fields open their annexes late, so that is no way to come back
    files = {
        module: {
            i
            for i in imports
            if MODULES[i].name != "__init__.py"
            and not (i.split(".")[1] in ANNEXES and module.split(".")[1] == "fields")
        }
        for module, imports in GRAPH.items()
        if module != "schnetpack_molfield"
    }
    assert set(TopologicalSorter(files).static_order()) >= set(MODULES) - {"schnetpack_molfield"}


def test_files_of_a_room_import_each_other_and_not_the_room() -> None:
    circles = {
        module
        for module, imports in GRAPH.items()
        if MODULES[module].name != "__init__.py"
        and f"schnetpack_molfield.{room_of(module)}" in imports
    }
    assert not circles


def offered_by(path: Path) -> set[str]:
    """Names in the `__all__` of a file, or in the stub of a package that imports on first use."""
    stub = path.with_suffix(".pyi")
    if stub.exists():
        nodes = list(ast.walk(ast.parse(stub.read_text())))
        imported = {node.name for node in nodes if isinstance(node, ast.alias)}
        declared = {getattr(n.target, "id", "") for n in nodes if isinstance(n, ast.AnnAssign)}
        return imported | declared
    return {
        name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
        for name in ast.literal_eval(node.value)
    }


def test_every_file_offers_names_and_nothing_else_is_taken_from_it() -> None:
    offered = {module: offered_by(path) for module, path in MODULES.items()}
    assert {module for module, names in offered.items() if not names} == {
        "schnetpack_molfield.properties"  # as SchNetPack's own: nothing but names of keys
    }
    taken = {
        f"{module}: {node.module}.{alias.name}"
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module in MODULES
        for alias in node.names
        if f"{node.module}.{alias.name}" not in MODULES
        and alias.name not in offered[str(node.module)]
    }
    assert not taken


def test_a_circle_would_be_found() -> None:
    assert "schnetpack_molfield.fields.grid" in GRAPH["schnetpack_molfield.fields.mesh"]
    assert "schnetpack_molfield.fields" in GRAPH["schnetpack_molfield.cli.interpolate"]


def test_docstrings_speak_one_dialect() -> None:
    """Google's sections with names in single backticks: no roles, no double backticks."""
    foreign = ("``", ":class:", ":func:", ":mod:", ":param")
    assert not {
        f"{path.name}: {mark}"
        for path in MODULES.values()
        for mark in foreign
        if mark in path.read_text()
    }
