import pytest

from schnetpack_molfield.new_files import replace_when_complete


def test_a_whole_file_replaces_the_old_one(tmp_path):
    path = tmp_path / "new.NPZ"
    path.write_text("old")
    with replace_when_complete(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old" and partial.suffix == ".NPZ"
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_nothing_half_written_is_left(tmp_path, stop):
    path = tmp_path / "new.cube"
    with pytest.raises(stop), replace_when_complete(path) as partial:
        partial.write_text("half")
        raise stop
    assert not list(tmp_path.iterdir())
