"""Repeats requests to a server: back-off, `Retry-After`, one pause for all requests when the server asks for it."""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
from tenacity import AsyncRetrying, RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from groundeval.errors import excerpt

T = TypeVar("T")
BUSY = frozenset({408, 409, 425, 429})
"""Statuses of a running server that may answer later."""


class NoAnswer(Exception):
    """An attempt without a result; `repeat`: whether another may succeed."""

    def __init__(
        self,
        message: str,
        *,
        repeat: bool = True,
        alive: bool = False,
        unreadable: bool = False,
        taken: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.repeat = repeat
        self.unreadable = unreadable
        """Whether an answer arrived that could not be read."""
        self.taken = taken
        """Whether the server had the request when the connection broke, or the time was over: it may be the reason."""
        self.alive = alive
        """Whether the server is busy or slow, but not dead: a timeout, 429."""
        self.retry_after = retry_after
        """The pause that the server asks for, in seconds."""


class Retries:
    """The pauses between the attempts of all requests to one server; lengths in seconds.

    The pause after an attempt doubles from `first` up to `longest`; `longest_asked` bounds what `Retry-After` asks.
    """

    def __init__(self, first: float, longest: float, longest_asked: float) -> None:
        self._backoff = wait_exponential(multiplier=first, max=longest)
        self._longest_asked = longest_asked
        self._not_before = 0.0

    @property
    def left(self) -> float:
        """Seconds left of the pause that the server has asked for."""
        return max(0.0, self._not_before - time.monotonic())

    def hold_back(self, seconds: float) -> None:
        """Start no request for so many seconds: a pause that the server asks for holds for all requests."""
        self._not_before = max(self._not_before, time.monotonic() + seconds)

    def pause(self, state: RetryCallState, most: float = math.inf) -> float:
        """Seconds until the next attempt, at most `most`; a pause that the server asks for holds for all requests."""
        backoff = min(most, self._backoff(state) * random.uniform(0.5, 1.0))
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, NoAnswer) and error.retry_after is not None:
            self.hold_back(min(most, error.retry_after, self._longest_asked))
        return max(backoff, min(most, self.left))

    def call(
        self,
        ask: Callable[[], T],
        *,
        pause: Callable[[RetryCallState], float],
        give_up: Callable[[RetryCallState], bool],
        sleep: Callable[[float], None],
    ) -> T:
        """The result of `ask`, repeated until `give_up`. Raises the last NoAnswer, and other errors of `ask`."""

        def held_back(state: RetryCallState) -> None:
            while self.left:
                sleep(self.left)

        retrying = Retrying(
            retry=retry_if_exception(_repeatable), wait=pause, stop=give_up, sleep=sleep, before=held_back, reraise=True
        )
        answer: T = retrying(in_our_words, ask)
        return answer

    async def call_async(self, ask: Callable[[], Awaitable[T]], attempts: int) -> T:
        """The result of `ask`, in at most `attempts` attempts. Raises the last NoAnswer, and other errors of `ask`."""

        async def attempt() -> T:
            while self.left:
                await asyncio.sleep(self.left)
            try:
                return await ask()
            except (httpx.HTTPError, asyncio.TimeoutError) as error:
                raise no_answer(error) from error

        retrying = AsyncRetrying(
            retry=retry_if_exception(_repeatable), wait=self.pause, stop=stop_after_attempt(attempts), reraise=True
        )
        answer: T = await retrying(attempt)
        return answer


def _repeatable(error: BaseException) -> bool:
    return isinstance(error, NoAnswer) and error.repeat


def in_our_words(ask: Callable[[], T]) -> T:
    """The result of `ask`. Raises NoAnswer for a failed transmission, and for an answer that cannot be read."""
    try:
        return ask()
    except (httpx.HTTPError, ValueError) as error:
        raise no_answer(error) from error


def no_answer(error: Exception) -> NoAnswer:
    """The NoAnswer for a failed transmission, or for a ValueError of reading the answer."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return NoAnswer(f"cannot be reached ({str(error) or 'no connection in time'})")
    if isinstance(error, httpx.TimeoutException | asyncio.TimeoutError):
        return NoAnswer("no answer in time", alive=True, taken=True)
    if isinstance(error, httpx.HTTPError):
        return NoAnswer(f"the connection broke ({error or type(error).__name__})", taken=True)
    return unreadable(error)


def unreadable(error: Exception) -> NoAnswer:
    """The NoAnswer for an unreadable answer: not JSON, wrong types, numbers out of range."""
    shown = str(error) if isinstance(error, ValueError) else repr(error)
    return NoAnswer(f"its answer cannot be read ({excerpt(shown)})", unreadable=True)


def refusal(response: httpx.Response, body: bytes) -> NoAnswer:
    """The NoAnswer for an answer with an error status: status and message, and whether to repeat the request."""
    status = response.status_code
    return NoAnswer(
        told(status, body),
        repeat=status in BUSY or status >= 500,
        alive=status in BUSY,
        retry_after=retry_after(response.headers.get("Retry-After")),
    )


def told(status: int, body: bytes) -> str:
    """Status and message of an answer that is an error, `{"error": ...}` with or without a `message` inside."""
    message: object = body.decode("utf-8", "replace")
    try:
        message = json.loads(body)
        for key in ("error", "message"):
            message = message.get(key, message) if isinstance(message, dict) else message
    except (ValueError, RecursionError):
        pass
    words = (message if isinstance(message, str) else excerpt(message, 500)).split()
    return f"{status} {' '.join(words)[:500]}".strip()


def retry_after(header: str | None) -> float | None:
    """The header `Retry-After` in seconds from now: it holds seconds or a date. None if it is absent or malformed."""
    if header is None:
        return None
    try:
        seconds = float(header)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(header)
    except (TypeError, ValueError, OverflowError):  # OverflowError: a year beyond the range of dates
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=timezone.utc)
    return max(0.0, (date - datetime.now(timezone.utc)).total_seconds())
