"""Looks data over while they are read: for `molfield inspect` and `molfield import`."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from schnetpack_molfield.cli.outputs import say

if TYPE_CHECKING:
    from schnetpack_molfield.datasets import Frame, FrameSource
    from schnetpack_molfield.datasets.doctor import Diagnosis

__all__ = ["Doctor"]

#: Atoms of all frames together up to which a set is looked over without being asked to.
SMALL = 100_000


class Doctor:
    """Looks frames over that are read for something else.

    Args:
        sources: the files.
        check: whether to look; None: if the set is small.
        report: a file to write, see `write_report`.
        force: replace the report if it exists.

    Raises:
        ValueError: for a report that can't be written, as do FileExistsError and ImportError.
    """

    def __init__(
        self,
        sources: Sequence["FrameSource"],
        check: bool | None,
        report: Path | None,
        force: bool,
    ) -> None:
        from schnetpack_molfield.datasets.doctor import Observer
        from schnetpack_molfield.datasets.doctor.report import check_report

        if report is not None:
            check_report(report, force)
        self.report = report
        self.wanted = check is not False or report is not None
        limit = float("inf") if check or report is not None else SMALL
        units = {name: unit for source in sources for name, unit in source.units.items()}
        self.observer = Observer(units, limit)
        self.name = ", ".join(source.path.name for source in sources)

    def watch(self, source: "FrameSource") -> "FrameSource":
        """The same frames, which are remembered while they are read."""

        def read() -> "Iterator[Frame]":
            yield from self.observer.watch(source.read(), source.path.name)

        return replace(source, read=read) if self.wanted else source

    def tell(self) -> bool:
        """Print what is wrong with the frames that were read; whether there is anything."""
        from schnetpack_molfield.datasets.doctor import examine

        if not self.wanted:
            return False
        if self.observer.full:
            say(
                f"{self.name}: not looked over, it is large; `molfield inspect` or --check do it",
                stderr=True,
            )
            return False
        with Console(stderr=True).status("looking the data over"):
            diagnosis = examine(self.observer.observations())
        self._print(diagnosis)
        return bool(diagnosis.findings)

    def _print(self, diagnosis: "Diagnosis") -> None:
        from schnetpack_molfield.datasets.doctor.report import write_report

        for finding in diagnosis.findings:
            say(f"warning: {finding.message}", stderr=True)
        for note in diagnosis.notes:
            say(f"note: {note}", stderr=True)
        if not diagnosis.findings:
            say(
                f"{self.name}: {diagnosis.n_frames} frames looked over, nothing wrong found",
                stderr=True,
            )
        if self.report is not None:
            write_report(self.report, diagnosis, self.name)
            say(f"wrote {self.report} and {self.report.with_suffix('.png')}", stderr=True)
