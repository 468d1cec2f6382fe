"""Servers that break off: prompts wait until one works again, and the prompt that ends it is told from the others."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx

from groundeval.errors import BackendError, quoted
from groundeval.http.gate import AsyncGate
from groundeval.http.retrying import NoAnswer, no_answer

T = TypeVar("T")
FAILURES_IN_A_ROW = 8
"""Number of consecutive failures after which a server that fails for a plain prompt, too, is taken to be down."""
RESTART_SECONDS = 300.0
"""For a server that broke off to be started again: its prompts are not sent, and tried in vain, before."""
RESTART_CHECKS = 60
FREE_BREAKS, BREAKS_ALONE = 2, 2
"""Connections that may break for a prompt until it is sent alone, once a plain prompt is completed; and those then."""


class Outages:
    """Whether a server works, while one window of prompts is sent to it. For the tasks of one event loop."""

    def __init__(self, url: str, completes_plain: Callable[[], Awaitable[bool]]) -> None:
        """`completes_plain`: whether the server completes a plain prompt now."""
        self._url = url
        self._completes_plain = completes_plain
        self._trying = asyncio.Lock()
        self._gate = AsyncGate()
        self._failures = 0
        self._breaks: Counter[str] = Counter()
        """Connections that broke while the prompt of a sample was asked; not of those completed since."""

    async def works(self) -> bool:
        """Whether the server completes a plain prompt now."""
        # One at a time: where the server refuses all, the first answer ends the others.
        async with self._trying:
            return await self._completes_plain()

    def completed(self) -> None:
        """Note that a prompt was completed."""
        self._failures = 0

    async def is_down_after(self, failures: int) -> bool:
        """Note more failures; whether there are too many in a row, and a plain prompt fails, too."""
        self._failures += failures
        if self._failures < FAILURES_IN_A_ROW:
            return False
        is_down = not await self.works()
        self._failures = FAILURES_IN_A_ROW if is_down else 0
        return is_down

    async def ask(self, sample: str, once: Callable[[], Awaitable[T]]) -> T:
        """One attempt for the prompt of a sample, once the server works that broke off at an earlier one.

        Raises what `once` raises, NoAnswer for a prompt at which it breaks off again and again although no other is
        asked, and BackendError for a server that does not come back.
        """
        if not self._breaks[sample]:
            async with self._gate.beside():
                return await self._noted(sample, once)
        await self._wait_until_it_works()
        if self._breaks[sample] < FREE_BREAKS:
            async with self._gate.beside():
                return await self._noted(sample, once)
        # It may be what ends the server, and with it the answers to others: alone, the next break shows it.
        async with self._gate.alone():
            await self._wait_until_it_works()
            return await self._noted(sample, once)

    async def _noted(self, sample: str, once: Callable[[], Awaitable[T]]) -> T:
        try:
            answer = await once()
        except httpx.HTTPError as error:
            trouble = no_answer(error)
            if trouble.taken and not trouble.alive:
                self._breaks[sample] += 1
                if self._breaks[sample] >= FREE_BREAKS + BREAKS_ALONE:
                    broken = self._breaks.pop(sample)
                    raise NoAnswer(f"{trouble}, {broken} times for this prompt", repeat=False) from error
            raise
        self._breaks.pop(sample, None)
        return answer

    async def _wait_until_it_works(self) -> None:
        until = time.monotonic() + RESTART_SECONDS
        while not await self.works():
            if time.monotonic() > until:
                suspects = quoted(sample for sample, _ in self._breaks.most_common())
                raise BackendError(
                    f"{self._url}: the server broke off, and has completed nothing for {RESTART_SECONDS:g} s.\n"
                    f"  Samples that it was asked for when it broke off: {suspects}\n"
                    "  When it runs again, the same command resumes."
                )
            await asyncio.sleep(RESTART_SECONDS / RESTART_CHECKS)
