"""`molfield export`: a trained model in another kind of file, which the ending chooses."""

from pathlib import Path
from typing import Annotated

import typer

from schnetpack_molfield.cli.outputs import say

__all__ = ["export"]

Model = Annotated[Path, typer.Argument(help="A file 'best_model' or the folder of a run.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="What to write, *.safetensors.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that exists.")]


def export(model: Model, out: Out, force: Force = False) -> None:
    """Write a model to a file without code, *.safetensors: safe to pass on and to read.

    Everything that reads a best_model here reads it, with the same numbers to the last bit. Classes
    of packages other than SchNetPack, torch.nn and this one are made only if you trust them: name
    them, with commas between, in the environment variable MOLFIELD_TRUST.
    """
    from schnetpack_molfield.checks import check_new_file
    from schnetpack_molfield.model_files import find_model_file, load_model_file, save_model_file

    check_new_file(out, (".safetensors",), force)
    find_model_file(model)
    try:
        save_model_file(out, load_model_file(model))
    except TypeError as error:
        raise ValueError(f"{model} can't be written without code: {error}") from error
    say(f"wrote {out}")
