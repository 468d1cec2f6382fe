"""Progress: a bar on a terminal or in a notebook, a line on stderr now and then elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from groundeval.console.notebook import in_notebook
from groundeval.console.sanitize import visible

_SECONDS_BETWEEN_LINES = 15.0


def say(message: str) -> None:
    """One line on stderr; what a stranger's file put into it cannot steer the terminal."""
    print(visible(message), file=sys.stderr, flush=True)


@contextmanager
def progress(what: str, *, total: int, done: int = 0, quiet: bool = False) -> Iterator[Callable[[], None]]:
    """Show how many of `total` are done, `done` of them before; gives the function that counts one more."""
    if quiet or done >= total:
        yield lambda: None
    elif in_notebook():
        with _notebook_bar(what, total, done) as advance:
            yield advance
    elif sys.stderr.isatty():
        with _bar(what, total, done) as advance:
            yield advance
    else:
        with _lines(what, total, done) as advance:
            yield advance


@contextmanager
def _bar(what: str, total: int, done: int) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task(what, total=total, completed=done)
        yield lambda: shown.advance(task)


@contextmanager
def _notebook_bar(what: str, total: int, done: int) -> Iterator[Callable[[], None]]:
    """A bar by tqdm: a widget where the notebook has widgets, else a line of text that is written over."""
    import warnings

    with warnings.catch_warnings():
        # Without ipywidgets tqdm draws text, and need not say so.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm

        bar = tqdm(desc=visible(what), total=total, initial=done, file=sys.stderr)
    with bar:

        def advance() -> None:
            bar.update(1)

        yield advance


@contextmanager
def _lines(what: str, total: int, done: int) -> Iterator[Callable[[], None]]:
    said, count = time.monotonic(), done

    def advance() -> None:
        nonlocal said, count
        count += 1
        if time.monotonic() - said > _SECONDS_BETWEEN_LINES and count < total:
            said = time.monotonic()
            say(f"{what}: {count}/{total}")

    yield advance
    say(f"{what}: {count}/{total}")
