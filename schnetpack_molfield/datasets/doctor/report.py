"""The data doctor's report: one file with what was found, and a picture beside it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from schnetpack_molfield.checks import check_new_file, optional_import
from schnetpack_molfield.datasets.doctor.findings import Diagnosis
from schnetpack_molfield.new_files import replace_when_complete

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SUFFIXES", "check_report", "draw", "write_report"]

#: Endings of report files.
SUFFIXES = (".md", ".json")


def check_report(path: Path, force: bool) -> None:
    """Refuse a name of a report that can't be written, or exists, before any work is done.

    Raises:
        ValueError: for an unknown ending.
        FileExistsError: if it, or its picture, exists and `force` isn't set.
        ImportError: if the picture can't be drawn.
    """
    check_new_file(path, SUFFIXES, force)
    check_new_file(path.with_suffix(".png"), (".png",), force)
    optional_import("matplotlib.figure", "viz")


def write_report(path: Path, diagnosis: Diagnosis, name: str) -> None:
    """Write `path` (Markdown or JSON) and a picture of the same name, `.png`.

    Args:
        path: checked by `check_report`.
        diagnosis: what was found.
        name: of the data set.
    """
    picture = path.with_suffix(".png")
    with replace_when_complete(picture) as partial:
        draw(diagnosis, name).savefig(partial, dpi=150)
    if path.suffix.lower() == ".json":
        text = json.dumps({"data": name, **diagnosis.as_dict()}, indent=1)
    else:
        text = _markdown(diagnosis, name, picture.name)
    with replace_when_complete(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def _markdown(diagnosis: Diagnosis, name: str, picture: str) -> str:
    findings = [f"- **{f.kind}**: {f.message}" for f in diagnosis.findings] or ["Nothing found."]
    numbers = [f"| {what} | {value:.4g} |" for what, value in diagnosis.numbers.items()]
    lines = [f"# {name}: {diagnosis.n_frames} frames", "", *findings, ""]
    lines += ["## Notes", "", *(f"- {note}" for note in diagnosis.notes), ""] * bool(
        diagnosis.notes
    )
    lines += ["## Numbers", "", "| measured | value |", "|---|---|", *numbers, ""]
    return "\n".join([*lines, f"![Energies, work and forces]({picture})"])


def draw(diagnosis: Diagnosis, name: str) -> "Figure":
    """Energies against the work of the forces; energies and forces by frame, strange ones red."""
    figure = optional_import("matplotlib.figure", "viz").Figure(figsize=(10, 7), layout="tight")
    figure.suptitle(f"{name}: {diagnosis.n_frames} frames, {len(diagnosis.findings)} findings")
    axes = figure.subplots(2, 2)
    _draw_work(axes[0, 0], diagnosis)
    panels = (
        ("energy", "energy, mean or atoms removed / eV", "linear"),
        ("largest force", "largest force on an atom / eV Å⁻¹", "linear"),
        ("net force", "net force / eV Å⁻¹", "log"),
    )
    for panel, (curve, label, scale) in zip(axes.flat[1:], panels, strict=True):
        _draw_frames(panel, diagnosis, curve, label, scale)
    return figure


def _draw_work(axes: Any, diagnosis: Diagnosis) -> None:
    axes.set(xlabel="work of the forces / eV", ylabel="change of the energy / eV")
    if "work" not in diagnosis.curves:
        _say_nothing(axes)
        return
    work, changes = diagnosis.curves["work"], diagnosis.curves["changes"]
    axes.plot(work, changes, ".", markersize=3, color="#0072b2")
    axes.axline((0, 0), slope=1, color="0.4", linewidth=1, label="equal")
    axes.legend()


def _draw_frames(axes: Any, diagnosis: Diagnosis, curve: str, label: str, scale: str) -> None:
    axes.set(xlabel="frame", ylabel=label)
    values = diagnosis.curves.get(curve)
    if values is None:
        _say_nothing(axes)
        return
    numbers = np.arange(len(values))
    axes.plot(numbers, values, ".", markersize=3, color="#0072b2")
    named = sorted(diagnosis.named)
    axes.plot(numbers[named], values[named], "o", fillstyle="none", color="#d55e00")
    if scale == "log" and (values > 0).any():
        axes.set_yscale("log")


def _say_nothing(axes: Any) -> None:
    axes.text(0.5, 0.5, "not judged", ha="center", va="center", transform=axes.transAxes)
