"""Progress: a bar on a terminal or in a notebook, a line on stderr now and then elsewhere, nothing when quiet."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, TextIO

from groundeval.console.notebook import in_notebook
from groundeval.console.sanitize import visible
from groundeval.console.signs import said_something
from groundeval.console.tally import Tally, duration

if TYPE_CHECKING:
    from rich.console import Console

_SECONDS_BETWEEN_LINES = 30.0
_FIRST_LINE = 1.5
"""Seconds until the first line of progress; shorter work shows none."""
_shown = threading.Lock()
"""Held while progress is shown: there is one bar or line at a time."""
_within: list[Callable[[], str]] = []
"""The innermost step of the work shown, which the bar or line names too."""


def say(message: str) -> None:
    """Print one line on stderr, without control characters: its texts may come from a stranger's file."""
    said_something.set()
    print(visible(message), file=sys.stderr, flush=True)


class Advance:
    """Counts finished items and generated tokens."""

    def __init__(self, tally: Tally, shown: Callable[[], None] = lambda: None) -> None:
        self._tally = tally
        self._shown = shown

    def __call__(self, count: int = 1) -> None:
        """Count further finished items."""
        self._tally.done += count
        self._shown()

    def tokens(self, count: int) -> None:
        """Count further generated tokens."""
        self._tally.tokens += count


@contextmanager
def progress(
    what: str, *, total: int, done: int = 0, quiet: bool = False, detail: Callable[[], str] | None = None
) -> Iterator[Advance]:
    """Show progress towards `total`, of which `done` were finished before; yields the counter of further ones.

    `detail` returns what to show beside the counts, for instance the number of verdicts.
    """
    tally = Tally(what, total, done, detail)
    said_something.set()
    if quiet or done >= total:
        yield Advance(tally)
    elif not _shown.acquire(blocking=False):
        with _part_of_it(tally.line):
            yield Advance(tally)
    else:
        try:
            with _display(tally) as advance:
                yield advance
        finally:
            _shown.release()


@contextmanager
def _part_of_it(told: Callable[[], str]) -> Iterator[None]:
    _within.append(told)
    try:
        yield
    finally:
        _within.remove(told)


def _inner() -> str:
    """Name a step within the work shown, for as long as the context lasts."""
    try:
        return _within[-1]()
    except IndexError:
        return ""


def _display(tally: Tally) -> AbstractContextManager[Advance]:
    if in_notebook():
        return _notebook_bar(tally)
    return _bar(tally) if on_terminal() else _lines(tally)


def doing(what: str, *, quiet: bool = False) -> AbstractContextManager[None]:
    """Show the name and duration of work that cannot be counted, such as loading a model."""
    return nullcontext() if quiet else _doing(what)


@contextmanager
def _doing(what: str) -> Iterator[None]:
    started = time.monotonic()
    said_something.set()

    def line() -> str:
        return _joined(what, _inner(), duration(time.monotonic() - started))

    if not _shown.acquire(blocking=False):
        with _part_of_it(lambda: what):
            yield
        return
    try:
        with _status(line) if on_terminal() and not in_notebook() else _ticking(line):
            yield
    finally:
        _shown.release()


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


@contextmanager
def _status(line: Callable[[], str]) -> Iterator[None]:
    """A line of a terminal that is rewritten, and erased at the end."""
    from rich.live import Live
    from rich.text import Text

    shown = Live(
        get_renderable=lambda: Text(visible(line()), style="dim", overflow="ellipsis", no_wrap=True),
        console=_terminal(),
        refresh_per_second=4,
        transient=True,
    )
    with shown:
        yield


def on_terminal() -> bool:
    """Whether stderr is a terminal that can rewrite a line."""
    return sys.stderr.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def _terminal() -> Console:
    from rich.console import Console

    # The current stream: loading a model redirects stderr for a while, and progress is shown nevertheless.
    return Console(file=sys.stderr)


@contextmanager
def _bar(tally: Tally) -> Iterator[Advance]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed
    from rich.text import Text

    class Told(ProgressColumn):
        """Rate, detail and time left, computed whenever the bar is drawn."""

        def render(self, task: Task) -> Text:
            return Text(visible(_joined(tally.told(), _inner())))

    columns = (TextColumn("{task.description}", markup=False), BarColumn(20), MofNCompleteColumn(), Elapsed(), Told())
    with Progress(*columns, console=_terminal(), refresh_per_second=4) as shown:
        task = shown.add_task(visible(tally.what), total=tally.total, completed=tally.before)
        yield Advance(tally, lambda: shown.update(task, completed=tally.done))


@contextmanager
def _notebook_bar(tally: Tally) -> Iterator[Advance]:
    """A bar by tqdm: a widget where the notebook has widgets, else a line of text that is rewritten."""
    import warnings

    with warnings.catch_warnings():
        # Without ipywidgets tqdm draws text; its warning is not needed.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm

        bar = tqdm(desc=visible(tally.what), total=tally.total, initial=tally.before, file=sys.stderr)
    with bar:

        def shown() -> None:
            if told := tally.told():
                bar.set_postfix_str(visible(told), refresh=False)
            bar.update(tally.done - bar.n)

        yield Advance(tally, shown)


@contextmanager
def _lines(tally: Tally) -> Iterator[Advance]:
    said = time.monotonic()

    def shown() -> None:
        # The clock writes lines too; this is for fast work between two of them.
        nonlocal said
        if time.monotonic() - said > _SECONDS_BETWEEN_LINES and tally.done < tally.total:
            said = time.monotonic()
            _write(stream, tally.line())

    def of_the_clock() -> str:
        nonlocal said
        said = time.monotonic()
        return _joined(tally.line(), _inner())

    stream = sys.stderr
    with _ticking(of_the_clock):
        yield Advance(tally, shown)
    _write(stream, tally.line())


@contextmanager
def _ticking(line: Callable[[], str]) -> Iterator[None]:
    """Write a line after a few seconds and then every half minute, also while the work is blocked."""
    stream, over = sys.stderr, threading.Event()

    def tick() -> None:
        seconds = _FIRST_LINE
        while not over.wait(seconds):
            _write(stream, line())
            seconds = max(_SECONDS_BETWEEN_LINES, 0.1)

    clock = threading.Thread(target=tick, name="groundeval progress", daemon=True)
    clock.start()
    try:
        yield
    finally:
        over.set()
        clock.join()


def _write(stream: TextIO, line: str) -> None:
    print(visible(line), file=stream, flush=True)
