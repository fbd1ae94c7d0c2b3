"""Write a file so that there is either the whole new one or what was there before."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["replace_when_complete"]


@contextmanager
def replace_when_complete(path: Path) -> Iterator[Path]:
    """Hand out a temporary path beside `path` and rename it at the end; on an error remove it.

    An interruption by Ctrl-C is such an error. The ending of the name stays the same.
    """
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial.unlink(missing_ok=True)
    try:
        yield partial
        partial.replace(path)
    finally:
        for leftover in (partial, Path(f"{partial}.lock"), Path(f"{partial}-journal")):
            leftover.unlink(missing_ok=True)
