"""Bars of long calculations: when they appear, and where."""

import io
from collections.abc import Callable
from functools import partial

import pytest
import rich.console
import torch

from schnetpack_molfield import progress
from schnetpack_molfield.fields.field import Field


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool, float], io.StringIO]:
    """Make the standard error a terminal or a file, and say how long a bar waits."""

    def open_one(is_terminal: bool, patience: float) -> io.StringIO:
        screen = io.StringIO()
        console = partial(rich.console.Console, file=screen, force_terminal=is_terminal, width=120)
        monkeypatch.setattr(progress, "Console", lambda stderr: console())
        monkeypatch.setattr(progress, "PATIENCE", patience)
        return screen

    return open_one


@pytest.mark.parametrize(
    ("is_terminal", "patience", "shown"), [(True, -1, True), (True, 60, False), (False, -1, False)]
)
def test_a_bar_appears_on_a_terminal_if_it_takes_long(terminal, is_terminal, patience, shown):
    screen = terminal(is_terminal, patience)
    assert list(progress.watched("abc", "letters")) == ["a", "b", "c"]
    text = screen.getvalue()
    assert ("letters" in text and "to go" in text) == shown
    assert shown or not text


def test_what_is_part_of_another_calculation_shows_no_bar(terminal):
    screen = terminal(True, -1)
    for _ in progress.watched(range(2), "outer"):
        list(progress.watched(range(3), "inner"))
    assert "outer" in screen.getvalue() and "inner" not in screen.getvalue()
    list(progress.watched(range(3), "inner"))
    assert "inner" in screen.getvalue()


def test_the_bar_is_gone_after_an_interruption(terminal):
    terminal(True, -1)

    def interrupted():
        yield 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(progress.watched(interrupted(), "steps", 10))
    assert progress._screen.acquire(blocking=False)
    progress._screen.release()


def test_fields_show_their_blocks_of_points(terminal):
    screen = terminal(True, -1)
    field = Field(lambda points: points[:, :1], ["x"], block_size=10)
    assert field(torch.ones(25, 3)).shape == (25, 1)
    assert "blocks of points" in screen.getvalue() and "/3" in screen.getvalue()
