"""Frames of a trajectory with their times, some to train on and all others to be asked."""

from pathlib import Path
from typing import Any

from schnetpack.data import BaseAtomsData, SplittingStrategy

from schnetpack_molfield import properties as keys
from schnetpack_molfield.datasets.checked import OwnData
from schnetpack_molfield.datasets.database import write_database
from schnetpack_molfield.datasets.sources import read_archive

SAMPLE = Path(__file__).with_name("ethanol_trajectory_sample.npz")

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

    Without a database of one's own it is a sample that ships with this package: ethanol around
    300 K for 600 fs, a frame every 2.5 fs (datasets/SAMPLES.md).

    Args:
        datapath: the database; None takes the sample.
        sample_path: where the database of the sample is, or is to be written.
        every: train on every nth frame ...
        until: ... of this part of the trajectory, see `EveryNthFrame`.
        kwargs: the other arguments of `schnetpack.data.AtomsDataModule`.
    """

    hint = (
        "`molfield import FRAMES --property time=fs --out FILE.db` makes one from frames with a "
        "time"
    )

    def __init__(
        self,
        *,
        datapath: str | None = None,
        sample_path: str = "molfield_trajectory_sample.db",
        every: int = 1,
        until: float = 1.0,
        **kwargs: Any,
    ) -> None:
        self.of_sample = datapath is None
        kwargs |= {"num_train": 1, "num_val": 1}  # SchNetPack wants numbers, the split doesn't
        super().__init__(
            datapath=sample_path if datapath is None else datapath,
            load_properties=[keys.time],
            splitting=EveryNthFrame(every, until),
            **kwargs,
        )

    def _download(self, path: Path) -> None:
        if not self.of_sample:
            super()._download(path)
        write_database(path, [read_archive(SAMPLE)])
