"""Which units energies and forces look like: by their ratio, stiff bonds, and total energies."""

from dataclasses import dataclass
from math import log

from schnetpack_molfield.datasets.doctor.observations import (
    ENERGY_UNITS,
    FORCE_UNITS,
)

__all__ = ["Evidence", "guess_units"]


@dataclass(frozen=True)
class Evidence:
    """What is known about the size of energies and forces; each may be unknown (None).

    Attributes:
        slope: change of the energy per work of the forces; one if all is well.
        stiffness: of bonds to hydrogen in units of what is usual; one, within a factor of two.
        size: energy in units of that of all electrons; one for total energies of all electrons.
    """

    slope: float | None = None
    stiffness: float | None = None
    size: float | None = None

    def after(self, energy_factor: float, forces_factor: float) -> "Evidence":
        """What it would be if the numbers were multiplied by these."""
        return Evidence(
            None if self.slope is None else self.slope * energy_factor / forces_factor,
            None if self.stiffness is None else self.stiffness * forces_factor,
            None if self.size is None else self.size * energy_factor,
        )

    @property
    def plausible(self) -> bool:
        """Whether nothing speaks against the units."""
        slope = self.slope is None or 1 / 1.5 < abs(self.slope) < 1.5
        stiffness = self.stiffness is None or 1 / 5 < abs(self.stiffness) < 5
        return slope and stiffness

    @property
    def distance(self) -> float:
        """How far it is from what is usual; below one where it fits."""
        parts = [0.0]
        if self.slope is not None:
            parts.append(abs(log(abs(self.slope))) / 0.2)
        if self.stiffness is not None:
            parts.append(abs(log(abs(self.stiffness))) / log(3.5))
        return max(parts)

    @property
    def total(self) -> bool:
        """Whether energies are total energies of all electrons, within four percent."""
        return self.size is not None and abs(self.size - 1) < 0.04


def guess_units(evidence: Evidence, stated: dict[str, str]) -> dict[str, str] | None:
    """Units that explain the evidence better than the stated ones.

    Args:
        evidence: measured with the stated units.
        stated: units of "energy" and "forces", those that there are.

    Returns:
        The same keys with other units; nothing if the stated ones are plausible; None if no
        units explain it.
    """
    energy, forces = stated.get("energy"), stated.get("forces")
    totals = {unit for unit in ENERGY_UNITS if energy and _corrected(evidence, energy, unit).total}
    judged = evidence.slope is not None and evidence.stiffness is not None
    if evidence.plausible and (judged or not totals or energy in totals):
        return {}
    candidates = [
        (cost + evidence.after(*factors).distance - 2 * (energy_unit in totals), new)
        for energy_unit, forces_unit, cost in _conventions(energy, forces)
        for factors in [_factors(energy, energy_unit, forces, forces_unit)]
        for new in [_named(energy, energy_unit, forces, forces_unit)]
        if evidence.after(*factors).distance < 1 and (not totals or energy_unit in totals)
    ]
    return min(candidates, key=lambda candidate: candidate[0])[1] if candidates else None


def _conventions(energy: str | None, forces: str | None) -> list[tuple[str, str, float]]:
    """Units of energy and forces, with a cost for those that are rarely used together."""
    natural = {"Ha": "Ha/Bohr", "Ry": "Ry/Bohr"}
    rows = []
    for energy_unit in ENERGY_UNITS:
        for forces_unit in FORCE_UNITS:
            usual = natural.get(energy_unit, f"{energy_unit}/Ang")
            alike = forces_unit.rpartition("/")[0] == energy_unit
            unchanged = (energy_unit == energy) + (forces_unit == forces)
            rare = 0.0 if forces_unit == usual else (0.5 if alike else 1.0)
            exotic = 0.3 * (forces_unit.endswith("nm")) + 0.5 * ("meV" in energy_unit + forces_unit)
            rows.append((energy_unit, forces_unit, rare + exotic - 0.6 * unchanged))
    return rows


def _factors(
    energy: str | None, energy_unit: str, forces: str | None, forces_unit: str
) -> tuple[float, float]:
    """What to multiply by if the numbers are in other units than stated."""
    return (
        ENERGY_UNITS[energy_unit] / ENERGY_UNITS[energy] if energy else 1.0,
        FORCE_UNITS[forces_unit] / FORCE_UNITS[forces] if forces else 1.0,
    )


def _corrected(evidence: Evidence, energy: str, unit: str) -> Evidence:
    return evidence.after(ENERGY_UNITS[unit] / ENERGY_UNITS[energy], 1.0)


def _named(
    energy: str | None, energy_unit: str, forces: str | None, forces_unit: str
) -> dict[str, str]:
    pairs = (("energy", energy, energy_unit), ("forces", forces, forces_unit))
    return {kind: new for kind, stated, new in pairs if stated is not None}
