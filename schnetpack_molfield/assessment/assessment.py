"""The whole assessment of a file of molecules, ready to be printed and written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms

from schnetpack_molfield.assessment.bond_lengths import unknown_elements
from schnetpack_molfield.assessment.distributions import Distribution, compare_distributions
from schnetpack_molfield.assessment.edm import judge_by_lengths
from schnetpack_molfield.assessment.entries import Entries
from schnetpack_molfield.assessment.open_babel import judge_by_openbabel
from schnetpack_molfield.assessment.plausibility import bust
from schnetpack_molfield.assessment.strain import mmff_strain, xtb_strain
from schnetpack_molfield.assessment.verdict import Scores, Verdict, score
from schnetpack_molfield.progress import watched

__all__ = ["Assessment", "Sizes", "assess"]


@dataclass(frozen=True)
class Sizes:
    """How many molecules are looked at by what takes long; drawn with seed 0.

    Attributes:
        strain: relaxed by MMFF94.
        xtb: relaxed by xTB, of the same.
        plausibility: tested by PoseBusters.
        distributions: whose properties are computed, of samples and of the reference.
    """

    strain: int = 500
    xtb: int = 0
    plausibility: int = 200
    distributions: int = 5000


@dataclass
class Assessment:
    """What there is to say of a file of molecules.

    Attributes:
        n_entries: number of entries of the file, readable or not.
        unreadable: those that aren't, a line each.
        by_lengths: EDM's measure.
        by_openbabel: OpenBabel's measure; None without OpenBabel.
        strain: medians and quantiles in kcal/mol, by method and statistic.
        plausibility: PoseBusters' tests, percent.
        distributions: properties against those of the reference.
        notes: what was left out or needs a word.
    """

    n_entries: int
    unreadable: list[str]
    by_lengths: Scores
    by_openbabel: Scores | None = None
    strain: dict[str, dict[str, float]] = field(default_factory=dict)
    plausibility: dict[str, float] = field(default_factory=dict)
    distributions: dict[str, Distribution] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def assess(
    samples: Entries, reference: Entries | None = None, sizes: Sizes | None = None
) -> Assessment:
    """Judge molecules by both measures, and compare them with others.

    Strain, PoseBusters' tests and properties are those of molecules that are valid, and of one
    piece, by EDM's measure.

    Args:
        samples: the molecules, at least one that can be read.
        reference: for novelty and distributions, for example what a model was trained on.
        sizes: of the parts that take long.

    Raises:
        ImportError: if RDKit is missing; what else is missing becomes a note.
    """
    sizes = sizes or Sizes()
    verdicts = _judge(samples.molecules, judge_by_lengths, "EDM's measure")
    others = [] if reference is None else reference.molecules
    known = _judge(others, judge_by_lengths, "the reference")
    smiles = {v.smiles for v in known if v.smiles is not None} if reference else None
    n_unreadable = len(samples.unreadable)
    result = Assessment(len(samples), samples.unreadable, score(verdicts, n_unreadable, smiles))
    result.notes += _unknown(samples.molecules)
    perceived = _if_there(
        result, lambda: _judge(samples.molecules, judge_by_openbabel, "OpenBabel's measure")
    )
    result.by_openbabel = perceived and score(perceived, n_unreadable)
    whole = [
        (atoms, v.molecule)
        for atoms, v in zip(samples.molecules, verdicts, strict=True)
        if v.molecule is not None and v.n_fragments == 1
    ]
    if not whole:
        result.notes.append("no valid molecule of one piece: no strain, tests and distributions")
        return result
    _look_closer(result, whole, known, sizes)
    return result


def _look_closer(
    result: Assessment, whole: list[tuple[Atoms, Any]], known: Sequence[Verdict], sizes: Sizes
) -> None:
    """Strain, plausibility and distributions of valid molecules of one piece."""
    relaxed = _some(whole, sizes.strain)
    result.strain["MMFF94"] = _quantiles(
        [mmff_strain(molecule) for _, molecule in watched(relaxed, "MMFF94")]
    )
    if sizes.xtb:
        by_xtb = watched(_some(whole, sizes.xtb), "GFN2-xTB")
        strains = _if_there(result, lambda: [xtb_strain(atoms) for atoms, _ in by_xtb])
        result.strain |= {"GFN2-xTB": _quantiles(strains)} if strains else {}
    if sizes.plausibility:
        tested = [molecule for _, molecule in _some(whole, sizes.plausibility)]
        result.plausibility = _if_there(result, lambda: bust(tested)) or {}
    references = [v.molecule for v in known if v.molecule is not None and v.n_fragments == 1]
    result.distributions = compare_distributions(
        [molecule for _, molecule in _some(whole, sizes.distributions)],
        _some(references, sizes.distributions),
    )


def _judge(molecules: list[Atoms], measure: Callable[[Atoms], Verdict], what: str) -> list[Verdict]:
    return [measure(atoms) for atoms in watched(molecules, what)]


def _if_there(result: Assessment, compute: Callable[[], Any]) -> Any:
    """What needs an extra; without it None, and a note."""
    try:
        return compute()
    except ImportError as error:
        result.notes.append(f"left out: {error}")
        return None


def _unknown(molecules: list[Atoms]) -> list[str]:
    """A note on elements that EDM's tables lack."""
    counts = Counter(symbol for atoms in molecules for symbol in unknown_elements(atoms))
    found = ", ".join(f"{symbol} in {n}" for symbol, n in sorted(counts.items()))
    note = f"elements without a valence in EDM's measure, never stable there: {found} molecules"
    return [note] if counts else []


def _some(items: Sequence[Any], most: int) -> list[Any]:
    """At most so many of them, drawn at random with seed 0, in their order."""
    chosen = np.random.default_rng(0).permutation(len(items))[:most]
    return [items[i] for i in np.sort(chosen)]


def _quantiles(values: list[float]) -> dict[str, float]:
    finite = np.array([value for value in values if np.isfinite(value)])
    quantiles = np.quantile(finite, [0.25, 0.5, 0.75]) if len(finite) else [float("nan")] * 3
    names = ("lower quartile", "median", "upper quartile")
    return {"molecules": float(len(finite)), **dict(zip(names, map(float, quantiles), strict=True))}
