"""A file that isn't a model is refused in one line."""

from pathlib import Path

import pytest
import torch

from schnetpack_molfield.interfaces import MolFieldCalculator
from schnetpack_molfield.model_files import load_model_file


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
