"""Which frames lack which labels, in one line with their numbers."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from schnetpack_molfield.datasets.frames import Frame, FrameSource, check_frame, missing_labels

__all__ = ["Incomplete", "complete_frames", "ranges"]

_SHOWN = 8  # ranges of frames in a message


class Incomplete:
    """Labels that frames of a file lack."""

    def __init__(self) -> None:
        self.frames_of: dict[str, list[int]] = defaultdict(list)
        self.n_frames = 0  # complete ones, too

    def add(self, frame: int, labels: Iterable[str]) -> None:
        """Note that a frame lacks labels."""
        for label in labels:
            self.frames_of[label].append(frame)

    def __bool__(self) -> bool:
        return bool(self.frames_of)

    @property
    def frames(self) -> list[int]:
        """All frames that lack something."""
        return sorted(set().union(*self.frames_of.values()))

    def describe(self) -> str:
        """For example `forces: missing in 2 of 5 frames (0, 3)`; equal gaps together."""
        together: dict[tuple[int, ...], list[str]] = defaultdict(list)
        for label, frames in self.frames_of.items():
            together[tuple(frames)].append(label)
        return "; ".join(
            f"{', '.join(labels)}: missing in {len(frames)} of {self.n_frames} frames "
            f"({ranges(frames)})"
            for frames, labels in together.items()
        )


def ranges(numbers: Iterable[int]) -> str:
    """Numbers in short: `0-4, 7, 9-11`, and `...` where there are too many."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    shown = [f"{a}" if a == b else f"{a}-{b}" for a, b in found[:_SHOWN]]
    return ", ".join([*shown, "..."] if len(found) > _SHOWN else shown)


def complete_frames(
    source: FrameSource, labels: Iterable[str], lacking: Incomplete
) -> Iterator[tuple[int, Frame]]:
    """Pass on the frames that have all labels, with their numbers; note the others.

    Args:
        source: an opened file.
        labels: that every frame has to have.
        lacking: where frames without them are noted.

    Raises:
        ValueError: for a frame that can't be trained on, with its file and number.
    """
    names = list(labels)
    for number, frame in enumerate(_read(source)):
        lacking.n_frames = number + 1
        missing = missing_labels(frame, names)
        if missing:
            lacking.add(number, missing)
            continue
        try:
            check_frame(frame)
        except ValueError as error:
            raise ValueError(f"{source.path}: frame {number}: {error}") from error
        yield number, frame


def _read(source: FrameSource) -> Iterator[Frame]:
    try:
        yield from source.read()
    except ValueError as error:
        raise ValueError(f"{source.path}: {error}") from error
