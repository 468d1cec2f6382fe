"""Returning verdicts to waiting callers: coroutines on any loop, threads, holders of futures."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Sequence
from queue import SimpleQueue
from typing import NamedTuple, TypeAlias

from groundeval.errors import GroundevalError
from groundeval.records import Verdict

Outcome: TypeAlias = "Verdict | GroundevalError"


class LoopWaiter(NamedTuple):
    """A coroutine that waits on its own event loop."""

    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Verdict]


class GroupSlot(NamedTuple):
    """One place in a synchronous caller's list."""

    mail: SimpleQueue[list[tuple[int, Outcome]]]
    place: int


Waiter: TypeAlias = "LoopWaiter | GroupSlot | concurrent.futures.Future[Verdict]"


def hand_over(deliveries: Sequence[tuple[Waiter, Outcome]]) -> None:
    """Wake all waiters, with one call for each event loop and one for each synchronous caller."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Verdict], Outcome]]] = {}
    groups: dict[int, tuple[SimpleQueue[list[tuple[int, Outcome]]], list[tuple[int, Outcome]]]] = {}
    for waiter, outcome in deliveries:
        if isinstance(waiter, LoopWaiter):
            loops.setdefault(waiter.loop, []).append((waiter.future, outcome))
        elif isinstance(waiter, GroupSlot):
            groups.setdefault(id(waiter.mail), (waiter.mail, []))[1].append((waiter.place, outcome))
        elif waiter.set_running_or_notify_cancel():
            if isinstance(outcome, Verdict):
                waiter.set_result(outcome)
            else:
                waiter.set_exception(fresh(outcome))
    for loop, waiting in loops.items():
        # The loop is closed: no coroutine waits on it any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_deliver, waiting)
    for mail, letters in groups.values():
        mail.put(letters)


def fresh(error: GroundevalError) -> GroundevalError:
    """A copy of an error to raise: one object raised by many callers would collect all their tracebacks."""
    copy = type(error).__new__(type(error))
    copy.args = error.args
    copy.__dict__.update(error.__dict__)
    copy.__cause__ = error.__cause__ or error
    return copy


def given_up(waiter: Waiter) -> bool:
    if isinstance(waiter, GroupSlot):
        return False
    return waiter.future.cancelled() if isinstance(waiter, LoopWaiter) else waiter.cancelled()


def _deliver(deliveries: list[tuple[asyncio.Future[Verdict], Outcome]]) -> None:
    """Set the results; runs on the caller's loop."""
    for future, outcome in deliveries:
        if future.done():
            continue
        if isinstance(outcome, Verdict):
            future.set_result(outcome)
        else:
            future.set_exception(fresh(outcome))
