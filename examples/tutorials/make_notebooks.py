"""Write a notebook beside each tutorial, with the same cells: `python make_notebooks.py`.

The scripts are what is edited; a test fails where a notebook is older.
"""

import json
import re
from pathlib import Path

FOLDER = Path(__file__).parent


def notebook(script: Path) -> str:
    """The cells of a script, which begin at `# %%`, as a notebook in JSON."""
    _, *parts = re.split(r"^# %%(.*)\n", script.read_text(), flags=re.M)
    pairs = zip(parts[::2], parts[1::2], strict=True)
    cells = [_cell(n, "markdown" in kind, text.strip()) for n, (kind, text) in enumerate(pairs)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _cell(number: int, is_text: bool, source: str) -> dict[str, object]:
    if is_text:
        source = re.sub(r"^# ?", "", source, flags=re.M)
    cell = {"id": f"cell-{number}", "metadata": {}, "source": source.splitlines(keepends=True)}
    if is_text:
        return {"cell_type": "markdown", **cell}
    return {"cell_type": "code", "execution_count": None, "outputs": [], **cell}


def tutorials() -> list[Path]:
    """All tutorials that are scripts."""
    return sorted(FOLDER.glob("a_*.py"))


if __name__ == "__main__":
    for tutorial in tutorials():
        tutorial.with_suffix(".ipynb").write_text(notebook(tutorial))
