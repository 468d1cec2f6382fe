"""Running coroutines from any context, and turning signals into stop requests."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from groundeval.console.progress import say

T = TypeVar("T")


@contextmanager
def stop_requests(after: str = "what is under way") -> Iterator[Callable[[], bool]]:
    """Turn SIGTERM and the first Ctrl-C into a flag that the loop polls; a second signal stops at once.

    The first is acknowledged immediately, also while the main thread is in one long call; `after` names the work that
    is still finished.
    """
    requested = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield requested.is_set
        return
    heard: list[int] = []

    def hear(number: int) -> None:
        heard.append(number)
        if len(heard) == 1:
            say(f"stopping after {after}; Ctrl-C again stops at once, and loses nothing that is written")

    def note(number: int, frame: FrameType | None) -> None:
        # Two signals within one long call arrive here as one.
        if requested.is_set() or len(heard) > 1:
            raise KeyboardInterrupt
        requested.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with _hearing({int(number) for number in before}, hear):
            yield requested.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _hearing(numbers: set[int], hear: Callable[[int], None]) -> Iterator[None]:
    """Call `hear` in another thread for each of these signals, at once.

    A handler itself runs between two instructions of the main thread, which a backward pass keeps waiting for seconds.
    """
    reading, writing = socket.socketpair()
    writing.setblocking(False)

    def watch() -> None:
        while received := reading.recv(64):
            for number in received:
                if number in numbers:
                    hear(number)

    watcher = threading.Thread(target=watch, name="groundeval signals", daemon=True)
    watcher.start()
    before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        writing.close()
        watcher.join()
        reading.close()


async def together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of coroutines that run concurrently; one alone needs no task, which would cost more than its work."""
    waiting = list(work)
    return [await waiting[0]] if len(waiting) == 1 else list(await asyncio.gather(*waiting))


def run_anywhere(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end, also from code inside a running event loop, such as a notebook's."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="groundeval") as pool:
        return pool.submit(lambda: asyncio.run(work())).result()
