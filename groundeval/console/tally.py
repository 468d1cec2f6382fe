"""How far a piece of work is: what is done, how fast, and how long it will take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

_TELLING_SECONDS = 2.0
"""Sooner a rate says nothing."""


@dataclass(slots=True)
class Tally:
    """Counts of one piece of work."""

    what: str
    total: int
    before: int = 0
    """Done before this session: they say nothing of its speed."""
    detail: Callable[[], str] | None = None
    """What else there is to say at a moment."""
    done: int = 0
    tokens: int = 0
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.done = self.before

    @property
    def seconds(self) -> float:
        """Since the work began."""
        return time.monotonic() - self.started

    @property
    def seconds_left(self) -> float | None:
        """At the average speed of this session; None while that is not known."""
        made = self.done - self.before
        if made <= 0 or self.seconds < _TELLING_SECONDS or self.done >= self.total:
            return None
        return (self.total - self.done) * self.seconds / made

    def told(self) -> str:
        """Rate, time left and detail, as far as there is something to say."""
        parts = []
        if self.tokens and self.seconds >= _TELLING_SECONDS:
            parts.append(f"{self.tokens / self.seconds:.0f} tokens/s")
        if self.detail is not None and (more := self.detail()):
            parts.append(more)
        if (left := self.seconds_left) is not None:
            parts.append(f"{duration(left)} left")
        return ", ".join(parts)

    def line(self) -> str:
        """The whole in one line."""
        told = self.told()
        return f"{self.what}: {self.done}/{self.total}{f', {told}' if told else ''}"


def duration(seconds: float) -> str:
    """A time as people say it: `40 s`, `12 min`, `3 h 20 min`."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def size(count: float) -> str:
    """A number of bytes as people say it: `980 MB`, `4.4 GB`."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            amount = count / scale
            return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:,.0f} {unit}"
    return f"{count:.0f} bytes"
