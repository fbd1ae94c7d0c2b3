"""Frames of a trajectory with their times, some to train on and all others to be asked."""

from typing import Any

from schnetpack.data import BaseAtomsData, SplittingStrategy

from schnetpack_molfield.datasets.checked import OwnData

__all__ = ["EveryNthFrame", "TrajectoryFrames"]


class EveryNthFrame(SplittingStrategy):
    """Trains on every nth frame of the first part of a trajectory, and asks all others.

    Validation is on the frames that are trained on, at other points. If no frame is left, they
    are the test set as well.

    Args:
        every: n.
        until: which part of the frames, from the beginning, may be trained on.

    Raises:
        ValueError: for an n below one or a part that isn't in (0, 1].
    """

    def __init__(self, every: int = 1, until: float = 1.0) -> None:
        super().__init__()
        if every < 1 or not 0 < until <= 1:
            raise ValueError(
                f"expected every >= 1 and 0 < until <= 1, got every={every}, until={until}"
            )
        self.every = every
        self.until = until

    def split(self, dataset: BaseAtomsData, *split_sizes: float | None) -> list[list[int]]:
        """Frames to train on, to validate on and to test on; the sizes don't matter."""
        n_frames = len(dataset)
        trained = list(range(0, max(1, int(self.until * n_frames)), self.every))
        others = sorted(set(range(n_frames)) - set(trained))
        return [trained, trained, others or trained]


class TrajectoryFrames(OwnData):
    """A database of frames with a label `time`, such as `molfield import` writes it.

    Args:
        every: train on every nth frame ...
        until: ... of this part of the trajectory, see `EveryNthFrame`.
        kwargs: the other arguments of `schnetpack.data.AtomsDataModule`.
    """

    hint = (
        "`molfield import FRAMES --property time=fs --out FILE.db` makes one from frames with a "
        "time"
    )

    def __init__(self, *, every: int = 1, until: float = 1.0, **kwargs: Any) -> None:
        kwargs |= {"num_train": 1, "num_val": 1}  # SchNetPack wants numbers, the split doesn't
        splitting = EveryNthFrame(every, until)
        super().__init__(load_properties=["time"], splitting=splitting, **kwargs)
