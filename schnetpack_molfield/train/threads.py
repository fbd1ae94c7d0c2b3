"""How many threads a training uses: the number that its own first steps show to be fastest.

Small tensors gain little from threads, and threads that wait for a busy core cost up to sixty
times the step of one thread. So the first steps are timed, with one thread first, and the rest of
the run is watched.
"""

import logging
import os
import time
from collections import deque
from statistics import median
from typing import Any

import torch
from pytorch_lightning import Callback as LightningCallback, LightningModule, Trainer

__all__ = ["ChooseThreads", "ThreadSearch"]

log = logging.getLogger(__name__)

#: Variables by which a user, a queue or Lightning's launcher sets the number themselves.
VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")

#: Steps that aren't timed, because the first ones allocate and compile.
WARM_UP = 2
#: Steps that are timed with each number of threads, and that a run is watched by.
TIMED = 4
#: Part of the time that a step with twice the threads may take to be worth them.
WORTH = 0.9
#: Times the step with one thread that a watched step may take.
TOLERATED = 1.5


class ThreadSearch:
    """The fastest number of threads, found from the times of steps.

    Numbers are tried in the order 1, 2, 4, ... until one isn't worth it; a number is given up at
    once where a single step takes as long as all timed steps before it. Afterwards the number
    falls back to one thread where steps become slower than they were with one.

    Args:
        most: largest number of threads.

    Attributes:
        best: the fastest number so far.
        trial: the number for the next step.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.best = self.trial = 1
        self._steps_to_skip = WARM_UP
        self._times: deque[float] = deque(maxlen=TIMED)
        self._best_time = self._time_of_one = float("inf")
        self._searching = most > 1

    def add(self, seconds: float) -> None:
        """Take note of how long the step with `trial` threads took."""
        if self._steps_to_skip > 0:
            self._steps_to_skip -= 1
            return
        self._times.append(seconds)
        hopeless = sum(self._times) > TIMED * self._best_time
        if self._searching and (hopeless or len(self._times) == TIMED):
            self._judge(hopeless)
        elif not self._searching:
            self._watch()

    def _judge(self, hopeless: bool) -> None:
        """Keep the number under trial, or go back to the one before it."""
        seconds = median(self._times)
        worth = not hopeless and seconds < WORTH * self._best_time
        if worth:
            self.best, self._best_time = self.trial, seconds
        if self.best == 1:
            self._time_of_one = self._best_time
        self._searching = worth and self.best < self.most
        self.trial = min(2 * self.best, self.most) if self._searching else self.best
        self._times.clear()

    def _watch(self) -> None:
        """Fall back to one thread where the steps have become slower than with one."""
        full = len(self._times) == TIMED
        if self.best > 1 and full and median(self._times) > TOLERATED * self._time_of_one:
            self.best = self.trial = 1


class ChooseThreads(LightningCallback):
    """Sets the number of threads on the CPU: a given one, the environment's, or the fastest.

    Numbers differ in the last digits with the number of threads; fix it where a run has to be
    repeated bit by bit.

    Args:
        n_threads: number of threads. None: that of `OMP_NUM_THREADS` or `MKL_NUM_THREADS`, and
            where neither is set, what the first steps of the training show to be fastest.
    """

    def __init__(self, n_threads: int | None = None) -> None:
        if n_threads is not None and n_threads < 1:
            raise ValueError(f"globals.threads must be at least 1, got {n_threads}")
        self.n_threads = n_threads
        self.search: ThreadSearch | None = None
        self._started = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set a given number, or begin to look for the fastest."""
        given_by_environment = any(os.environ.get(name) for name in VARIABLES)
        if self.n_threads is not None:
            torch.set_num_threads(self.n_threads)
        elif not given_by_environment and pl_module.device.type == "cpu":
            self.search = ThreadSearch(torch.get_num_threads())
            torch.set_num_threads(self.search.best)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Use the number under trial for this step only."""
        if self.search is not None:
            torch.set_num_threads(self.search.trial)
            self._started = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Time the step; validation runs with the best number so far."""
        if self.search is None:
            return
        before = self.search.best
        self.search.add(time.perf_counter() - self._started)
        torch.set_num_threads(self.search.best)
        if self.search.best != before:
            log.info("%d threads instead of %d, by the time of steps", self.search.best, before)
