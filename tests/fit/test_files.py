"""Files of fits are whole or not there."""

import pytest
from ase.build import molecule

from schnetpack_molfield.fit import files
from schnetpack_molfield.fit.task import FitTask


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
