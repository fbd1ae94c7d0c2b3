"""Begin at the weights of a trained representation: some may be frozen, or learn slowly."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from os import PathLike

import torch
from hydra.utils import to_absolute_path
from rich.console import Console
from torch import nn

from schnetpack_molfield.checks import did_you_mean
from schnetpack_molfield.model_files import load_model_file
from schnetpack_molfield.nn.dense import set_lr_scale

__all__ = ["begin", "in_group"]

logger = logging.getLogger(__name__)


def begin(
    target: nn.Module,
    path: str | PathLike[str] | None,
    lr_scale: float,
    frozen: Sequence[str] = (),
    rates: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Take weights over, if there is a file, and settle which of them learn, and how fast.

    Args:
        target: the representation to start; its other weights stay.
        path: `best_model`, a safe file or the folder of a run, relative to where the command was
            typed; of a model with `MolField` or `ChartAutoencoder` as its representation.
        lr_scale: that of `target`.
        frozen: groups that stay as they are.
        rates: factors on the learning rate by group.

    Returns:
        The factors, checked.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it isn't a model, has no MolField, or none of its weights fit; for an unknown
            group, a rate that isn't positive, or groups without a file.
    """
    if path is not None:
        _take_over(target, path, lr_scale)
    elif frozen or rates:
        raise ValueError("frozen and rates are of weights that were taken over: set pretrained")
    _freeze(target, frozen)
    return _checked_rates(target, rates or {})


def _take_over(target: nn.Module, path: str | PathLike[str], lr_scale: float) -> None:
    """Copy the weights of the MolField in a model's file, and say which, in one line of the log.

    Weights are taken over where their name and shape are the same; the functions of layers stay
    what they are, whatever `lr_scale` was there.
    """
    trained = load_model_file(to_absolute_path(str(path))).representation
    source = getattr(trained, "molfield", trained)
    if not isinstance(source, type(target)):
        raise ValueError(
            f"pretrained = {str(path)!r} has the representation {type(trained).__name__}, none "
            "with weights of MolField: make one by spktrain experiment=molfield_pretrain"
        )
    source = deepcopy(source)
    set_lr_scale(source, lr_scale)
    there, here = dict(source.named_parameters()), dict(target.named_parameters())
    fits = {n for n, p in there.items() if n in here and here[n].shape == p.shape}
    if not fits or target.n_atom_basis != source.n_atom_basis:
        raise ValueError(
            f"pretrained = {str(path)!r} has n_atom_basis = {source.n_atom_basis}, this model "
            f"{target.n_atom_basis}: give both the same"
        )
    with torch.no_grad():
        for name in fits:
            here[name].copy_(there[name])
    line = _summary(path, fits, here, there) + _cutoffs(source, target)
    logger.info(line)
    Console().print(line, soft_wrap=True, highlight=False)


def _summary(
    path: str | PathLike[str],
    fits: set[str],
    here: Mapping[str, nn.Parameter],
    there: Mapping[str, nn.Parameter],
) -> str:
    """What was taken over and what wasn't."""
    n_taken, n_all = (sum(here[n].numel() for n in names) for names in (fits, here))
    line = f"{path}: {n_taken} of {n_all} weights of the representation taken over"
    other = {n for n in here if n in there} - fits
    for what, names in (
        ("of another shape", other),
        ("only here", here.keys() - there.keys()),
        ("only there", there.keys() - here.keys()),
    ):
        if names:
            line += f"; {what}: {', '.join(_groups(names))}"
    return line


def _cutoffs(source: nn.Module, target: nn.Module) -> str:
    """A warning where radial functions mean another distance than they did."""
    cutoffs = [float(x.cutoff) for x in (source, target)]
    return "" if cutoffs[0] == cutoffs[1] else "; cutoff {:g} there, {:g} here".format(*cutoffs)


def _groups(names: Iterable[str]) -> list[str]:
    """First parts of the names of parameters, each once."""
    return sorted({name.split(".")[0] for name in names})


def _check_groups(module: nn.Module, groups: Iterable[str], option: str) -> None:
    """Raise ValueError for a group, named in an option, that has no parameters."""
    names = [name for name, _ in module.named_parameters()]
    for group in groups:
        if not any(in_group(name, group) for name in names):
            raise ValueError(f"{option}: no group {group!r}, {did_you_mean(group, _groups(names))}")


def in_group(name: str, group: str) -> bool:
    """Whether the parameter of this name belongs to a group: `encoder`, `interactions.0`."""
    return name == group or name.startswith(f"{group}.")


def _checked_rates(module: nn.Module, rates: Mapping[str, float]) -> dict[str, float]:
    """Factors on the learning rate by group; a ValueError for a group or factor that can't be."""
    _check_groups(module, rates, "rates")
    for group, rate in rates.items():
        if not 0 < rate < float("inf"):
            raise ValueError(f"rates: {group} = {rate}, expected a positive number; or freeze it")
    return {group: float(rate) for group, rate in rates.items()}


def _freeze(module: nn.Module, groups: Sequence[str]) -> None:
    """Keep the parameters of some groups as they are."""
    _check_groups(module, groups, "frozen")
    for name, parameter in module.named_parameters():
        if any(in_group(name, group) for group in groups):
            parameter.requires_grad_(False)
