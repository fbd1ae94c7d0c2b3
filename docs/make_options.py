"""Write docs/options.md: every option of the parts, from their signatures and docstrings.

python docs/make_options.py
"""

import inspect
import re
from pathlib import Path

from schnetpack_molfield import atomistic, nn, representation, train, transform

PAGE = Path(__file__).with_name("options.md")
PARTS = (
    *(representation.MolField, representation.ChartAutoencoder),
    *(representation.LatentAtlas, representation.TrajectoryAtlas),
    *(atomistic.FieldValue, atomistic.ElectronDensity, atomistic.SignedDistance),
    *(atomistic.LearnedDistance, atomistic.FieldReadout, nn.LearnedRadialEncoding),
    *(transform.FieldPoints, transform.GridPoints, train.RelativeL1, train.SurfaceLoss),
)


def meanings(part: type) -> dict[str, str]:
    """What the docstring of a class says of every argument."""
    text = inspect.getdoc(part) or ""
    section = re.search(r"^Args:\n((?:(?: {4}.*)?\n?)+)", text, flags=re.MULTILINE)
    entries = re.split(r"^ {4}(?=\S)", section.group(1) if section else "", flags=re.MULTILINE)
    pairs = (entry.partition(":") for entry in entries if entry.strip())
    return {name.strip(): " ".join(meaning.split()) for name, _, meaning in pairs}


def table(part: type) -> str:
    """The options of a class, one a row: name, default, meaning."""
    parameters = inspect.signature(part).parameters
    rows = []
    for name, meaning in meanings(part).items():
        default = parameters[name].default if name in parameters else inspect.Parameter.empty
        shown = "" if default is inspect.Parameter.empty else f"`{default!r}`"
        rows.append(f"| `{name}` | {shown} | {meaning.replace('|', chr(92) + '|')} |")
    return "\n".join(
        [f"## {part.__name__}\n", "| option | default | meaning |", "|---|---|---|", *rows]
    )


def page() -> str:
    """The whole page."""
    head = "# Options\n\nFrom signatures and docstrings, by `python docs/make_options.py`.\n"
    return "\n\n".join([head.rstrip(), *map(table, PARTS)]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
