"""Files of fits are whole or not there; those of earlier versions are read."""

from pathlib import Path

import pytest
import torch
from ase.build import molecule

from schnetpack_molfield.fit import files
from schnetpack_molfield.fit.fitted_fields import FittedFields
from schnetpack_molfield.fit.task import FitTask

REFERENCE = Path(__file__).parents[1] / "golden" / "fit_0.1.0.pt"


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    task, path = FitTask([molecule("CH3CH2OH")], ["C"], 10), tmp_path / "x.pt"
    path.write_text("mine")

    def interrupt(content, file):
        file.write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(files.torch, "save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        files.save_fit_file(path, task, task.start())
    assert path.read_text() == "mine" and list(tmp_path.iterdir()) == [path]


def test_fit_of_the_first_version() -> None:
    """Written by version 0.1.0, when every head had a function of its own."""
    with pytest.raises(ValueError, match="before 0.2: fit it again") as caught:
        FittedFields.load(REFERENCE)
    assert "\n" not in str(caught.value)


def test_fit_of_a_newer_version(tmp_path) -> None:
    content = torch.load(REFERENCE, weights_only=True)
    torch.save(content | {"format": f"molfield fit {files.FORMAT + 1}"}, tmp_path / "new.pt")
    with pytest.raises(ValueError, match=f"is of format {files.FORMAT + 1}, .* --upgrade"):
        FittedFields.load(tmp_path / "new.pt")
