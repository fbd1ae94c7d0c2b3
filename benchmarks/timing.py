"""Times of actions that take turns within one process, so that noise hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np


def seconds_in_turn(
    actions: dict[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, list[float]]:
    """Seconds of every action, `rounds` each, in random order: what ran before fills the caches.

    One round before these warms up and isn't counted.
    """
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    rng = np.random.default_rng(0)
    for _ in range(rounds + 1):
        for name in rng.permutation(list(actions)):
            start = clock()
            actions[name]()
            seconds[name].append(clock() - start)
    return {name: values[1:] for name, values in seconds.items()}
