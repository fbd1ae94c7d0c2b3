"""Files of trained models: earlier versions are read, all else is refused in one line."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from schnetpack_molfield.interfaces import MolFieldCalculator
from schnetpack_molfield.model_files import FORMAT, attach_record, load_model_file


def refused(path: Path) -> str:
    with pytest.raises(ValueError, match="isn't a model saved by SchNetPack") as caught:
        load_model_file(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="spktrain writes"):
        MolFieldCalculator(tmp_path / "best_model")
    with pytest.raises(FileNotFoundError, match="best_model"):
        MolFieldCalculator(tmp_path)


@pytest.mark.parametrize("content", [b"", b"C 0 0 0\n", b"\x80\x04garbage"])
def test_foreign_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "best_model"
    path.write_bytes(content)
    assert str(path) in refused(path)


def test_truncated_model(tmp_path: Path, make_model) -> None:
    path = tmp_path / "best_model"
    torch.save(make_model(), path)
    path.write_bytes(path.read_bytes()[:1000])
    refused(path)


def test_checkpoint(tmp_path: Path) -> None:
    torch.save({"state_dict": {}}, tmp_path / "last.ckpt")
    assert "*.ckpt" in refused(tmp_path / "last.ckpt")


def test_other_module(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(1, 1), tmp_path / "linear")
    refused(tmp_path / "linear")


def test_deployed_model(tmp_path: Path) -> None:
    torch.jit.script(torch.nn.Linear(1, 1)).save(str(tmp_path / "deployed"))
    refused(tmp_path / "deployed")


REFERENCE = Path(__file__).parent / "golden" / "model_0.1.0"


def test_model_of_the_first_version() -> None:
    """Written by version 0.1.0, when every head had a function of its own."""
    with pytest.raises(ValueError, match="before 0.2, .*: train it again") as caught:
        load_model_file(REFERENCE)
    assert "\n" not in str(caught.value)


def test_model_of_a_newer_version(tmp_path: Path, make_model, monkeypatch) -> None:
    """Also if it holds classes that don't exist here yet."""
    model, path = make_model(), tmp_path / "best_model"
    attach_record(model, {"format": FORMAT + 1})
    later = ModuleType("later")
    later.Layer = type("Layer", (torch.nn.Identity,), {"__module__": "later"})
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "later", later)
        model.layer = later.Layer()
        torch.save(model, path)
    with pytest.raises(ValueError, match=f"is of format {FORMAT + 1}, .* --upgrade") as caught:
        load_model_file(path)
    assert "\n" not in str(caught.value)
