"""Names of the files for several structures."""

from pathlib import Path

from schnetpack_molfield.cli.outputs import output_files, say, short_names


def test_one_structure_is_written_to_the_very_file() -> None:
    assert output_files(Path("a/rho.cube"), ["CCO"]) == [Path("a/rho.cube")]
    assert output_files(Path("rho.cube"), []) == [Path("rho.cube")]


def test_several_structures(tmp_path) -> None:
    files = [tmp_path / "water.xyz", tmp_path / "big.v2.pdb.gz"]
    for file in files:
        file.touch()
    names = [*map(str, files), "CC(=O)[O-]"]
    expected = [Path(f"a/rho_{name}.cube") for name in ("water", "big_v2", "CC_O_O-")]
    assert output_files(Path("a/rho.cube"), names) == expected


def test_names_that_come_twice(tmp_path) -> None:
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.xyz").touch()
    names = short_names([str(tmp_path / folder / "x.xyz") for folder in "abc"])
    assert names == ["x", "x_2", "x_3"]


def test_brackets_are_no_markup(capsys) -> None:
    say("c1cc[nH]c1: wrote rho[a].cube[/x]")
    say("warning", stderr=True)
    assert capsys.readouterr() == ("c1cc[nH]c1: wrote rho[a].cube[/x]\n", "warning\n")
