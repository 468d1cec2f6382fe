"""Progress of a piece of work: count, rate, and estimated time left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

_TELLING_SECONDS = 2.0
"""Seconds before a rate is meaningful."""


@dataclass(slots=True)
class Tally:
    """Counts of one piece of work."""

    what: str
    total: int
    before: int = 0
    """Finished before this session, and so not counted in its rate."""
    detail: Callable[[], str] | None = None
    """Returns what to show beside the counts."""
    done: int = 0
    tokens: int = 0
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.done = self.before

    @property
    def seconds(self) -> float:
        """Seconds since the work began."""
        return time.monotonic() - self.started

    @property
    def seconds_left(self) -> float | None:
        """Seconds left, at the average rate of this session; None while that is unknown."""
        made = self.done - self.before
        if made <= 0 or self.seconds < _TELLING_SECONDS or self.done >= self.total:
            return None
        return (self.total - self.done) * self.seconds / made

    def told(self) -> str:
        """Rate, time left and detail, as far as they are known."""
        parts = []
        if self.tokens and self.seconds >= _TELLING_SECONDS:
            parts.append(f"{self.tokens / self.seconds:.0f} tokens/s")
        if self.detail is not None and (more := self.detail()):
            parts.append(more)
        if (left := self.seconds_left) is not None:
            parts.append(f"{duration(left)} left")
        return ", ".join(parts)

    def line(self) -> str:
        """All of it in one line."""
        told = self.told()
        return f"{self.what}: {self.done}/{self.total}{f', {told}' if told else ''}"


def duration(seconds: float) -> str:
    """A duration for people: `40 s`, `12 min`, `3 h 20 min`."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def counted(count: int, what: str) -> str:
    """A number with its noun: `1 record`, `1,200 records`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def size(count: float) -> str:
    """A number of bytes for people: `980 MB`, `4.4 GB`."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            amount = count / scale
            return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:,.0f} {unit}"
    return f"{count:.0f} bytes"
