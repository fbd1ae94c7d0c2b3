"""What the data doctor found: warnings of one line, notes, and the numbers behind them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from schnetpack_molfield.datasets.doctor.observations import Observations

__all__ = ["Diagnosis", "Finding", "list_frames"]


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a data set.

    Attributes:
        kind: what it is about: `units`, `sign`, `order`, `work`, `balance`, `outlier`, `repeat`,
            `missing` or `structure`.
        message: one line that says what, where, and what to do.
        frames: numbers of the frames; empty if it is about all of them.
    """

    kind: str
    message: str
    frames: list[int] = field(default_factory=list)


@dataclass
class Diagnosis:
    """All that was found in a data set.

    Attributes:
        n_frames: size of the set.
        findings: what is wrong.
        notes: what can't be judged, and what is worth knowing.
        numbers: what was measured, by what it is.
        curves: arrays for the picture, by name.
    """

    n_frames: int
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)
    curves: dict[str, np.ndarray] = field(default_factory=dict)

    def warn(self, kind: str, message: str, frames: Sequence[int] | np.ndarray = ()) -> None:
        """Add a finding."""
        self.findings.append(Finding(kind, message, [int(frame) for frame in frames]))

    def as_dict(self) -> dict[str, Any]:
        """Everything but the curves, for a file."""
        return {
            "frames": self.n_frames,
            "findings": [asdict(finding) for finding in self.findings],
            "notes": self.notes,
            "numbers": self.numbers,
        }

    @property
    def named(self) -> set[int]:
        """Frames that a finding names."""
        return {frame for finding in self.findings for frame in finding.frames}


def list_frames(observed: Observations, frames: Sequence[int] | np.ndarray, limit: int = 3) -> str:
    """`frame 7`, or `frames 7, 9, 12 and 4 more`."""
    names = [observed.name(int(frame)) for frame in frames[:limit]]
    more = f" and {len(frames) - limit} more" if len(frames) > limit else ""
    return f"frame{'s' if len(frames) > 1 else ''} {', '.join(names)}{more}"
