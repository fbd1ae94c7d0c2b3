"""The number of threads of a training: given, from the environment, or measured."""

import time
from types import SimpleNamespace

import pytest
import torch

from schnetpack_molfield.train.threads import TIMED, WARM_UP, ChooseThreads, ThreadSearch


def run(search: ThreadSearch, seconds: dict[int, float], n_steps: int) -> float:
    """Feed a search with the time of each number of threads; returns the whole time."""
    total = 0.0
    for _ in range(n_steps):
        total += seconds[search.trial]
        search.add(seconds[search.trial])
    return total


def test_as_many_threads_as_are_worth_it() -> None:
    search = ThreadSearch(most=8)
    run(search, {1: 1.0, 2: 0.6, 4: 0.4, 8: 0.39}, 100)
    assert search.best == search.trial == 4


def test_all_threads_of_a_machine_with_an_odd_number() -> None:
    search = ThreadSearch(most=6)
    run(search, {1: 1.0, 2: 0.6, 4: 0.4, 6: 0.3}, 100)
    assert search.best == search.trial == 6


def test_busy_cores_cost_one_slow_step() -> None:
    """Two threads on a busy machine take sixty times as long: tried once, never again."""
    search = ThreadSearch(most=2)
    total = run(search, {1: 0.1, 2: 6.0}, 1000)
    assert search.best == 1
    assert total == pytest.approx(999 * 0.1 + 6.0)


def test_one_slow_step_of_one_thread_proves_nothing() -> None:
    search = ThreadSearch(most=2)
    run(search, {1: 1.0, 2: 0.5}, WARM_UP + 1)
    search.add(30.0)
    run(search, {1: 1.0, 2: 0.5}, 100)
    assert search.best == 2


def test_cores_that_become_busy_later() -> None:
    search = ThreadSearch(most=2)
    run(search, {1: 1.0, 2: 0.6}, 100)
    assert search.best == 2
    run(search, {1: 1.0, 2: 20.0}, TIMED)
    assert search.best == search.trial == 1


def test_a_machine_with_one_core() -> None:
    search = ThreadSearch(most=1)
    run(search, {1: 1.0}, 20)
    assert search.best == search.trial == 1


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record the numbers that are set; no environment sets one."""
    current = [4]
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    monkeypatch.setattr(torch, "set_num_threads", current.append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: current[-1])
    return current


def train(callback: ChooseThreads, n_steps: int = 30, device: str = "cpu") -> None:
    module = SimpleNamespace(device=torch.device(device))
    callback.on_train_start(None, module)
    for step in range(n_steps):
        callback.on_train_batch_start(None, module, None, step)
        callback.on_train_batch_end(None, module, None, None, step)


def test_a_given_number_wins(threads, monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    train(ChooseThreads(7))
    assert threads == [4, 7]


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MKL_NUM_THREADS"])
def test_the_environment_wins(threads, monkeypatch, name) -> None:
    monkeypatch.setenv(name, "3")
    train(ChooseThreads())
    assert threads == [4]


def test_nothing_is_set_on_a_gpu(threads) -> None:
    train(ChooseThreads(), device="cuda")
    assert threads == [4]


def test_slow_steps_of_two_threads_are_noticed(threads, monkeypatch) -> None:
    """A step takes 10 ms with one thread and 1 s with more, by a clock of this test."""
    clock = [0.0]

    def now() -> float:
        clock[0] += 0.01 if threads[-1] == 1 else 1.0
        return clock[0]

    monkeypatch.setattr(time, "perf_counter", now)
    train(ChooseThreads())
    assert 2 in threads and 4 not in threads[1:]
    assert threads[-1] == 1


def test_validation_never_runs_with_a_number_under_trial(threads, monkeypatch) -> None:
    clock = iter(range(10000))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock) * 1.0)
    callback, module = ChooseThreads(), SimpleNamespace(device=torch.device("cpu"))
    callback.on_train_start(None, module)
    for step in range(20):
        callback.on_train_batch_start(None, module, None, step)
        callback.on_train_batch_end(None, module, None, None, step)
        assert threads[-1] == callback.search.best == 1


@pytest.mark.parametrize("number", [0, -2])
def test_a_number_that_is_none(number: int) -> None:
    with pytest.raises(ValueError, match=f"globals.threads must be at least 1, got {number}"):
        ChooseThreads(number)
