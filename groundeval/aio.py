"""Running coroutines from any context, and turning signals into stop requests."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from groundeval.console.progress import say
from groundeval.errors import GroundevalError

T = TypeVar("T")


class Interrupted(GroundevalError):
    """The run was stopped by the user or the system; the same command resumes it."""

    exit_code = 3


@contextmanager
def stop_requests(after: str = "what is under way") -> Iterator[Callable[[], bool]]:
    """Turn SIGTERM and the first Ctrl-C into a flag that the loop polls; a second signal stops at once.

    The first is acknowledged immediately; `after` names the work that is still finished.
    """
    requested = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield requested.is_set
        return

    def note(number: int, frame: FrameType | None) -> None:
        if requested.is_set():
            raise KeyboardInterrupt
        requested.set()
        _acknowledge(f"stopping after {after}; Ctrl-C again stops at once, and loses nothing that is written")

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield requested.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _acknowledge(message: str) -> None:
    """Print from within a signal handler, which may have interrupted the writing of another line."""
    try:
        say(message)
    except RuntimeError:
        os.write(2, f"\n{message}\n".encode())


def run_anywhere(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end, also from code inside a running event loop, such as a notebook's."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="groundeval") as pool:
        return pool.submit(lambda: asyncio.run(work())).result()
