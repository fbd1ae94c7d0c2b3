"""Notebooks have the cells of the tutorials, which other tests run."""

import json
import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples" / "tutorials"
MAKER = runpy.run_path(str(FOLDER / "make_notebooks.py"))


@pytest.mark.parametrize("script", MAKER["tutorials"](), ids=lambda script: script.stem)
def test_a_notebook_is_as_new_as_its_script(script: Path) -> None:
    text = script.with_suffix(".ipynb").read_text()
    assert text == MAKER["notebook"](script), "python examples/tutorials/make_notebooks.py"
    cells = json.loads(text)["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    compile(code, script.name, "exec")
    assert cells[0]["source"][0].startswith("# ")
