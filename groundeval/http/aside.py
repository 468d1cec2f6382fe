"""A second event loop in a thread: what takes long runs there, and the server's own loop goes on answering."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Aside:
    """An event loop in a thread of its own, started by its first work. All work shares it, so questions meet there."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What a coroutine returns or raises that the other loop runs. Cancelling cancels it there."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), self._started()))

    async def call(self, work: Callable[..., T], *arguments: Any) -> T:
        """What a function returns or raises that is called in the other loop's thread."""

        async def called() -> T:
            return work(*arguments)

        return await self.run(called)

    def close(self) -> None:
        """End the thread; it may be started again by further work."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=_run, args=(self._loop,), name=self._name, daemon=True).start()
        return self._loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    with contextlib.closing(loop):
        loop.run_forever()
