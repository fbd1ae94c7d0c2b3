"""Say how long it still takes, wherever more than a few seconds can pass."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["steps", "watched"]

#: Seconds after which a bar appears; what is done sooner leaves no trace.
PATIENCE = 1.0

_screen = Lock()  # one bar at a time: the outermost

Item = TypeVar("Item")


@contextmanager
def steps(what: str, total: int | None = None) -> Iterator[Callable[[], None]]:
    """Hand out a function to be called after every step of a long calculation.

    On a terminal a bar appears when it goes on: what is done, how long it took and how long it
    will still take. It goes to the standard error and is gone at the end. A calculation that is
    part of another one which does the same shows none.

    Args:
        what: name of the calculation.
        total: number of steps; None if nobody knows.
    """
    outermost, started = _screen.acquire(blocking=False), time.monotonic()
    bar: Progress | None = None
    n_done = 0

    def step() -> None:
        nonlocal bar, n_done
        n_done += 1
        if bar is None and outermost and time.monotonic() > started + PATIENCE:
            bar = _bar(what, total, started)
        if bar is not None:
            bar.update(bar.task_ids[0], completed=n_done)

    try:
        yield step
    finally:
        if bar is not None and bar.live.is_started:
            bar.stop()
        if outermost:
            _screen.release()


def watched(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """The same items; how many there are still to come is shown as by `steps`.

    Args:
        items: what to hand out.
        what: their name.
        total: their number, if it isn't known by their length.
    """
    known = len(items) if total is None and isinstance(items, Sized) else total
    with steps(what, known) as step:
        for item in items:
            yield item
            step()


def _bar(what: str, total: int | None, started: float) -> Progress:
    """A bar of what has begun before, shown on a terminal only."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("after"),
        TimeElapsedColumn(),
        TextColumn("to go"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # what goes into a file stays there
    )
    bar.add_task(what, total=total)
    bar.tasks[0].start_time = started
    if console.is_terminal or console.is_jupyter:
        bar.start()
    return bar
