"""What progress says: rates, time left, sizes, and that it says it while the work does not return."""

from __future__ import annotations

import io
import sys

import pytest

from groundeval.console import progress as progress_module
from groundeval.console.progress import doing, on_terminal, progress
from groundeval.console.tally import Tally, duration, size


def after(seconds: float, **counts: int) -> Tally:
    tally = Tally("work", **{"total": 100, **counts})
    tally.started -= seconds
    return tally


def test_the_time_left_follows_from_this_sessions_speed():
    tally = after(10, before=50)
    assert tally.seconds_left is None
    tally.done += 10
    assert tally.seconds_left == pytest.approx(40, rel=0.01)
    assert tally.line() == "work: 60/100, 40 s left"


def test_tokens_a_second_are_told_once_they_mean_something():
    tally = after(0)
    tally.tokens = 500
    assert tally.line() == "work: 0/100"
    tally.started -= 10
    assert tally.told() == "50 tokens/s"


def test_what_is_going_on_is_told_as_it_is_at_the_moment():
    now = ["loading"]
    tally = Tally("work", 3, detail=lambda: now[0])
    assert tally.line() == "work: 0/3, loading"
    now[0] = ""
    assert tally.line() == "work: 0/3"


def test_nothing_is_left_of_what_is_done():
    tally = after(10)
    tally.done = 100
    assert tally.seconds_left is None


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (99, "99 s"), (120, "2 min"), (5_900, "98 min"), (7_260, "2 h 1 min")]
)
def test_times_in_words(seconds: float, words: str):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(12, "12 bytes"), (2_000, "2.0 kB"), (98_765_432, "99 MB"), (1.5e9, "1.5 GB"), (4.4e10, "44 GB")],
)
def test_sizes_in_words(count: float, words: str):
    assert size(count) == words


@pytest.mark.parametrize("what", ["progress", "doing"])
def test_lines_come_while_the_work_does_not_return(
    what: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(progress_module, "_FIRST_LINE", 0.0)
    monkeypatch.setattr(progress_module, "_SECONDS_BETWEEN_LINES", 0.0)
    context = progress("loading", total=3) if what == "progress" else doing("loading")
    with context:
        said = ""
        while said.count("loading") < 2:
            said += capsys.readouterr().err
    assert said.splitlines()[0].startswith("loading: 0/3" if what == "progress" else "loading · ")


def test_what_happens_within_is_said_by_what_is_shown(capsys: pytest.CaptureFixture[str]):
    with doing("outer"), doing("inner"), progress("more", total=2) as advance:
        advance()
        assert progress_module._inner() == "more: 1/2"
    assert progress_module._within == []
    assert capsys.readouterr().err == ""


def test_work_that_fails_gives_the_place_free(capsys: pytest.CaptureFixture[str]):
    for _ in range(2):
        with pytest.raises(ValueError, match="no"), progress("work", total=2):
            raise ValueError("no")
    with progress("work", total=1) as advance:
        advance()
    assert capsys.readouterr().err == "work: 1/1\n"


@pytest.mark.parametrize(("term", "shown"), [("xterm", True), ("dumb", False), ("unknown", False), ("", True)])
def test_a_terminal_that_cannot_write_over_a_line_gets_lines(term: str, shown: bool, monkeypatch: pytest.MonkeyPatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", term)
    assert on_terminal() is shown


def test_no_colour_keeps_the_progress_line(monkeypatch: pytest.MonkeyPatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    with progress("scoring", total=2) as advance:
        advance(2)
    assert "scoring" in terminal.getvalue()
    assert "2/2" in terminal.getvalue()
    assert "\x1b[3" not in terminal.getvalue()
