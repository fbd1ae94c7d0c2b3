"""Files of fits: written whole, read back, and continued from."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from schnetpack_molfield.fit.field_fit import FieldFit
from schnetpack_molfield.fit.task import FitTask
from schnetpack_molfield.model_files import check_format
from schnetpack_molfield.new_files import replace_when_complete

__all__ = ["FORMAT", "NotAFitError", "load_fit_file", "resume_fit", "save_fit_file"]

#: Marks files of fits, before the version of their content.
_MARK = "molfield fit "
#: Version of the content; it grows when older code can't read it any more.
FORMAT = 2


class NotAFitError(ValueError):
    """A file that `molfield fit` didn't write."""


def save_fit_file(path: Path, task: FitTask, fit: FieldFit) -> None:
    """Write a fit, so that the file is either the old one or the whole new one."""
    content = {
        "format": f"{_MARK}{FORMAT}",
        "settings": task.settings(),
        "numbers": torch.tensor(task.frames[0].numbers),
        "positions": torch.tensor(task.positions),
        "scale": fit.scale,
        "fit": fit.state_dict(),
    }
    with replace_when_complete(path) as partial:
        torch.save(content, partial)


def resume_fit(path: Path, task: FitTask, fit: FieldFit) -> None:
    """Bring a fit of the same task to where the one in a file stopped; it then continues exactly.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is something else, or a fit of something else.
    """
    content, settings = load_fit_file(path), task.settings()
    for name, value in content["settings"].items():
        if settings[name] != value:
            raise ValueError(
                f"{path} was fitted with {name} = {value}, now it is {settings[name]}; "
                "continue with the same options, or start again with --force"
            )
    same = np.array_equal(content["numbers"], task.frames[0].numbers)
    if not same or not np.array_equal(content["positions"], task.positions):
        raise ValueError(f"{path} was fitted to another structure; start again with --force")
    fit.load_state_dict(content["fit"])


def load_fit_file(path: Path) -> dict[str, Any]:
    """Content of a file that `save_fit_file` wrote.

    Raises:
        FileNotFoundError: if there is no such file.
        NotAFitError: if it is something else.
        ValueError: if it was written by a newer version of this package, or by one before 0.2.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} isn't a file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of TorchScript archives, which are none
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever comes up in unpickling
        raise NotAFitError(f"{path} is not a file of molfield fit") from error
    mark = str(content.get("format")) if isinstance(content, dict) else ""
    if not mark.startswith(_MARK):
        raise NotAFitError(f"{path} is not a file of molfield fit")
    found = int(mark.removeprefix(_MARK))
    check_format(path, found, FORMAT)
    if found < FORMAT:  # its head had a function of its own, with a bias that the shared one lacks
        raise ValueError(f"{path} was fitted by a version before 0.2: fit it again")
    return content
