"""The promises of one representation, trained or not, measured one after the other."""

import math
from collections.abc import Iterable, Iterator
from copy import deepcopy

import torch
from torch import nn

from schnetpack_molfield.testing.potential import Potential
from schnetpack_molfield.testing.promises import CAPABILITIES, PROMISES, Measurement, Promise

__all__ = ["PRECISIONS", "documented_limits", "measure", "promises", "validate_representation"]

PRECISIONS = (torch.float32, torch.float64)


def validate_representation(
    representation: nn.Module,
    without: Iterable[str] = (),
    randomise: bool = False,
    dtypes: Iterable[torch.dtype] = PRECISIONS,
) -> list[Measurement]:
    """Measure all promises of one representation, trained or not.

    Args:
        representation: any SchNetPack representation. It is copied.
        without: capabilities to leave out, some of `CAPABILITIES`.
        randomise: perturb all parameters first, for an untrained representation.
        dtypes: precisions to measure in.

    Returns:
        The worst case of each promise in each precision; print them, or look for those that
        are not `kept`.

    Raises:
        ValueError: if `without` names an unknown capability.
    """
    chosen, dtypes = promises(without), list(dtypes)
    found = measure(representation, chosen, randomise, dtypes)
    return [measurement for _, measurements in found for measurement in measurements]


def promises(without: Iterable[str]) -> list[Promise]:
    """All promises but those that need one of the capabilities.

    Raises:
        ValueError: if `without` names an unknown capability.
    """
    left_out = set(without)
    if unknown := left_out - CAPABILITIES:
        raise ValueError(
            f"unknown capability {sorted(unknown)}: choose from {sorted(CAPABILITIES)}"
        )
    return [promise for promise in PROMISES if promise.capability not in left_out]


def documented_limits(representation: nn.Module) -> set[str]:
    """Capabilities that a representation says it doesn't have.

    MolField with one chart per molecule is neither size-extensive nor periodic.
    """
    whole = getattr(representation, "charts", "atom") == "molecule"
    return {"size_extensive", "periodic"} if whole else set()


def measure(
    representation: nn.Module,
    chosen: Iterable[Promise],
    randomise: bool = False,
    dtypes: Iterable[torch.dtype] = PRECISIONS,
) -> Iterator[tuple[Promise, list[Measurement]]]:
    """Measure promises one by one: each with its measurements, one per precision that can tell."""
    potentials = [Potential(lambda: deepcopy(representation), dtype, randomise) for dtype in dtypes]
    for promise in chosen:
        measured = [_measure(promise, potential) for potential in potentials]
        yield promise, [measurement for measurement in measured if measurement is not None]


def _measure(promise: Promise, potential: Potential) -> Measurement | None:
    """Measure a promise; a refusal or failure breaks it."""
    try:
        return promise.measure(potential)
    except (ValueError, NotImplementedError, RuntimeError) as error:
        reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
        limit = promise.tolerance.limit(potential.dtype) or 0.0
        return Measurement(promise.name, potential.dtype, reason, math.inf, limit)
