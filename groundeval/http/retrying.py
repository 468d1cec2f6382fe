"""Repeating requests to a server: back-off with jitter, `Retry-After`, and one pause for all when it asks for one."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx

T = TypeVar("T")
LONGEST_PAUSE = 60.0
LONGEST_RETRY_AFTER = 600.0


class Unusable(Exception):
    """An answer that holds no result; `repeat` says whether asking again may help."""

    def __init__(self, message: str, response: httpx.Response, *, repeat: bool) -> None:
        super().__init__(message)
        self.repeat = repeat
        self.retry_after = retry_after(response.headers.get("Retry-After"))


class Retries:
    """How often and after which pauses a request is repeated; shared by all requests to one server."""

    def __init__(self, most: int, first_pause: float) -> None:
        self.most = most
        self.first_pause = first_pause
        self._not_before = 0.0

    async def call(self, ask: Callable[[], Awaitable[T]]) -> T:
        """The result of `ask`, repeated after failures of the connection and answers that say so.

        Raises the last `httpx.HTTPError` or `Unusable`.
        """
        for attempt in range(self.most + 1):
            await self._wait()
            try:
                return await ask()
            except asyncio.TimeoutError:
                error: Exception = httpx.ReadTimeout("no answer in time")
            except (httpx.RequestError, Unusable) as failure:
                error = failure
            if attempt == self.most or (isinstance(error, Unusable) and not error.repeat):
                raise error
            pause = min(LONGEST_PAUSE, self.first_pause * 2**attempt) * random.uniform(0.5, 1.0)
            asked = error.retry_after if isinstance(error, Unusable) else None
            if asked is not None:
                # The server speaks for all requests, so the others hold back too.
                self._not_before = max(self._not_before, time.monotonic() + min(asked, LONGEST_RETRY_AFTER))
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def _wait(self) -> None:
        while (left := self._not_before - time.monotonic()) > 0:
            await asyncio.sleep(left)


def retry_after(header: str | None) -> float | None:
    """The header `Retry-After` in seconds from now: it holds seconds or a date. None where it says nothing usable."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(header)
    except (TypeError, ValueError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=timezone.utc)
    return max(0.0, (date - datetime.now(timezone.utc)).total_seconds())
