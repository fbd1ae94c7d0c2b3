"""What is asked of samples, as people write it: compositions and values of properties."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schnetpack_molfield.generation.conditions import Conditions
    from schnetpack_molfield.generation.prior import LatentPrior

__all__ = [
    "SampleRequest",
    "check_counts",
    "check_request",
    "parse_composition",
    "parse_property",
    "property_values",
]

_PROPERTY = re.compile(r"([A-Za-z_]\w*)=([+-]?[\d.]+(?:[eE][+-]?\d+)?)\s*(\S*)")


@dataclass(frozen=True)
class SampleRequest:
    """What samples are to be.

    Attributes:
        n: how many.
        composition: number of atoms by element; None draws those of the training data.
        n_charts: number of charts (heavy atoms); None draws it, or takes the composition's.
        properties: values and units by name; an empty unit is the model's own.
        n_steps: number of steps of the sampler.
        sampler: name of the sampler, see `SAMPLERS`.
        guidance: weight of the condition against none.
        seed: of everything that is drawn.
    """

    n: int
    composition: dict[str, int] | None = None
    n_charts: int | None = None
    properties: dict[str, tuple[float, str]] = field(default_factory=dict)
    n_steps: int = 20
    sampler: str = "euler"
    guidance: float = 1.0
    seed: int = 0


def parse_composition(formula: str) -> dict[str, int]:
    """Number of atoms by element.

    Raises:
        ValueError: if it isn't a formula such as C7H10O2.
    """
    from ase.formula import Formula

    from schnetpack_molfield.checks import atomic_number

    try:
        counts = {symbol: n for symbol, n in Formula(formula).count().items() if n > 0}
    except ValueError:
        counts = {}
    if not counts:
        raise ValueError(f"--composition is a formula such as C7H10O2, got {formula!r}")
    for symbol in counts:
        atomic_number(symbol)
    return counts


def parse_property(text: str) -> tuple[str, float, str]:
    """Name, value and unit of NAME=VALUE or NAME=VALUE UNIT, such as homo=-6.5eV.

    Raises:
        ValueError: if it isn't written like that.
    """
    found = _PROPERTY.fullmatch(text.strip())
    try:
        if found:
            return found[1], float(found[2]), found[3]
    except ValueError:
        pass
    raise ValueError(f"--property is NAME=VALUE with a unit or without, homo=-6.5eV, got {text!r}")


def check_counts(request: SampleRequest) -> None:
    """Raise ValueError for a request of no samples, or of none of the sampler's steps."""
    if request.n < 1:
        raise ValueError(f"--n is a number of samples, at least 1, got {request.n}")
    if request.n_steps < 1:
        raise ValueError(f"--steps must be at least 1, got {request.n_steps}")


def check_request(request: SampleRequest, prior: LatentPrior) -> list[str]:
    """Warnings about what lies beyond the training data, in one line each.

    Raises:
        ValueError: for what the prior can't make: no samples, other elements, more charts than the
            latent has, a property without training labels, a unit that doesn't fit.
    """
    check_counts(request)
    warnings = []
    if request.composition is not None:
        warnings += _check_composition(request.composition, request.n_charts, prior)
    values = property_values(request, prior.conditions)
    for name, value in values.items():
        warnings += _check_range(name, value, prior.conditions)
    return warnings


def _check_composition(
    composition: dict[str, int], n_charts: int | None, prior: LatentPrior
) -> list[str]:
    elements = prior.conditions.elements
    others = sorted(composition.keys() - set(elements))
    if others:
        raise ValueError(f"the prior knows {', '.join(elements)}, not {', '.join(others)}")
    n_heavy = sum(n for symbol, n in composition.items() if symbol != "H")
    if not 1 <= n_heavy <= prior.sizes.n_charts:
        raise ValueError(
            f"a latent of this model holds 1 to {prior.sizes.n_charts} heavy atoms, the "
            f"composition has {n_heavy}"
        )
    if n_charts not in (None, n_heavy):
        raise ValueError(f"the composition has {n_heavy} heavy atoms, but --charts is {n_charts}")
    counts = prior.compositions.new_tensor([composition.get(symbol, 0) for symbol in elements])
    distances = (prior.compositions - counts).abs().sum(dim=1)
    nearest = int(distances.argmin())
    if distances[nearest] == 0:
        return []
    return [
        f"{_formula(counts.tolist(), elements)} isn't in the training data; nearest to it is "
        f"{_formula(prior.compositions[nearest].tolist(), elements)}, "
        f"{int(distances[nearest])} atoms away"
    ]


def _formula(counts: Sequence[float], elements: Sequence[str]) -> str:
    from ase.formula import Formula

    pairs = {symbol: int(n) for symbol, n in zip(elements, counts, strict=True) if n}
    return f"{Formula.from_dict(pairs):hill}"


def property_values(request: SampleRequest, conditions: Conditions) -> dict[str, float]:
    """The values that are wanted, in the model's units.

    Raises:
        ValueError: for a property without training labels, or a unit that doesn't fit.
    """
    values = {}
    for name, (value, unit) in request.properties.items():
        conditions.column(name)
        values[name] = value * _factor(name, unit, conditions.units.get(name, ""))
    return values


def _factor(name: str, unit: str, own: str) -> float:
    """From a unit to the model's own."""
    from schnetpack_molfield.checks import ENERGY_UNITS, check_unit

    if unit in ("", own):
        return 1.0
    if unit in ENERGY_UNITS and own in ENERGY_UNITS:
        return check_unit(unit, "energy") / check_unit(own, "energy")
    raise ValueError(
        f"{name} was trained in {own or 'no unit'}, to which {unit} can't be converted"
    )


def _check_range(name: str, value: float, conditions: Conditions) -> list[str]:
    column = conditions.column(name)
    lowest, highest = float(conditions.lowest[column]), float(conditions.highest[column])
    if lowest <= value <= highest:
        return []
    unit = conditions.units.get(name, "")
    return [f"{name} = {value:g} {unit} is outside of the training data, {lowest:g} to {highest:g}"]
