"""What the command line answers at once: without torch, which takes seconds to import.

Modules are counted instead of seconds, so that a busy machine doesn't matter. All calls run in
one fresh process.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ase.build import molecule

PROGRAM = """
import contextlib, io, json, sys
from schnetpack_molfield.cli import main

answers = []
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["molfield", *arguments]
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        try:
            main()
            status = 0
        except SystemExit as end:
            status = end.code
    answers.append([status, shown.getvalue(), "torch" in sys.modules])
print(json.dumps(answers))
"""

#: Arguments, exit status, and a part of the answer.
CALLS = [
    ("--help", 0, "interpolate"),
    ("--version", 0, "."),
    ("field --help", 0, "--spacing"),
    ("fit --help", 0, "--channels"),
    ("import --help", 0, "--property"),
    ("fild", 2, "field"),
    ("field water.xyz --modle m -o a.cube", 2, "--model"),
    ("field water.xyz -m none -o a.cube", 1, "no model file 'none'"),
    ("field water.xyz -m model -o old.cube", 1, "old.cube exists"),
    ("field water.xyz -m model -o a.cub3", 1, "must end in one of .cube"),
    ("field none.xyz -m model -o a.cube", 1, "none.xyz isn't a file"),
    ("field water.xyz other.xyz -m model -o old.npz", 1, "old_other.npz exists"),
    ("field water.xyz -m model -o a.cube --spacing 0", 1, "spacing must be a positive number"),
    ("field water.xyz -m model -o a.cube --device gpu", 1, "unknown device 'gpu'"),
    ("fit none.pdb", 1, "none.pdb isn't a file"),
    ("fit water.xyz -o old.pt", 1, "old.pt exists"),
    ("fit water.xyz -o a.pt -c N", 1, "channel 'N' has no atoms"),
    ("fit water.xyz -o a.pt --charts atoms", 1, "did you mean 'atom'"),
    ("fit water.xyz -o a.pt --grid 4", 1, "at least 8 points"),
    ("fit water.xyz -o a.pt --steps 2", 2, "20"),
    ("interpolate none.pt -o a.npz", 1, "none.pt isn't a file"),
    ("interpolate model -o old.npz", 1, "old.npz exists"),
    ("refine water.xyz -m model -o a.extxyz", 1, "frame 0 has no time"),
    ("refine water.xyz -m none -o a.extxyz", 1, "no model file 'none'"),
    ("assess --help", 0, "--reference"),
    ("assess none.sdf", 1, "none.sdf isn't a file"),
    ("check none", 1, "no model file 'none'"),
    ("export none -o a.safetensors", 1, "no model file 'none'"),
    ("export model -o a.pt", 1, "must end in one of .safetensors"),
    ("import --help", 0, "--skip-missing"),
    ("import none.xyz -o a.db", 1, "none.xyz isn't a file"),
    ("import water.xyz -o a.npz", 1, "must end in .db"),
    ("import water.xyz -o old.db", 1, "old.db exists"),
    ("import water.xyz -o nodir/a.db", 1, "nodir/a.db does not exist"),
    ("import water.xyz -o a.db --rename energy", 1, "expected KEY=NAME"),
    ("import water.xyz -o a.db --map 1", 1, "expected TYPE=ELEMENT"),
    ("import water.xyz -o a.db -p forces", 1, "forces"),
    ("import old.npz -o a.db", 1, "not a readable numpy archive"),
    ("import water.xyz -o a.db --report old.md", 1, "old.md exists"),
    ("inspect none.xyz", 1, "none.xyz isn't a file"),
    ("inspect water.xyz", 0, "nothing wrong found"),
    ("encoding none", 1, "no model file 'none'"),
    ("encoding model --pair C-Xx", 1, "unknown element 'Xx'"),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[list]:
    folder: Path = tmp_path_factory.mktemp("user")
    for name in ("water.xyz", "other.xyz"):
        molecule("H2O").write(folder / name)
    for name in ("model", "old.cube", "old.npz", "old_other.npz", "old.pt", "old.db", "old.md"):
        (folder / name).write_text("precious")
    calls = json.dumps([arguments.split() for arguments, *_ in CALLS])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, calls], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "old.cube").read_text() == "precious"
    return json.loads(done.stdout)


@pytest.mark.parametrize("number", range(len(CALLS)), ids=[call[0] for call in CALLS])
def test_answer_without_torch(answers: list[list], number: int) -> None:
    (_, expected, part), (status, shown, torch) = CALLS[number], answers[number]
    assert status == expected, shown
    assert part in shown
    assert not torch


def test_package_is_imported_without_torch() -> None:
    program = (
        "import sys, schnetpack_molfield as m; print('torch' in sys.modules, m.__version__,"
        "sorted(m.__all__))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    names = "['MolField', 'MolFieldCalculator', 'MolecularField']"
    assert done.stdout.startswith("False ") and names in done.stdout
