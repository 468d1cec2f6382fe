"""Requests that are sent side by side, and now and then one alone: if the server breaks then, that one broke it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager


class Gate:
    """Threads that pass side by side, or one alone; while one waits to be alone, no others begin."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = self._waiting = 0
        self._is_taken = False

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Be inside beside others."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_taken and not self._waiting)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be inside without others."""
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: not self._is_taken and not self._inside)
            self._waiting -= 1
            self._is_taken = True
        try:
            yield
        finally:
            with self._changed:
                self._is_taken = False
                self._changed.notify_all()


class AsyncGate:
    """A `Gate` for the tasks of one event loop."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._inside = self._waiting = 0
        self._is_taken = False

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """Be inside beside others."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._is_taken and not self._waiting)
            self._inside += 1
        try:
            yield
        finally:
            async with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Be inside without others."""
        async with self._changed:
            self._waiting += 1
            try:
                await self._changed.wait_for(lambda: not self._is_taken and not self._inside)
            finally:
                self._waiting -= 1
            self._is_taken = True
        try:
            yield
        finally:
            async with self._changed:
                self._is_taken = False
                self._changed.notify_all()
