"""Admission to the queue: a request that would wait too long is refused at once, before its client times out."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator

from groundeval.http.answers import Refusal, later

LONGEST_WAIT = 60.0
"""Seconds that a new request may wait for those ahead of it, if its client does not announce a time-out."""
LONGEST_RETRY_AFTER = 30
SHARE = 0.8
"""Share of a client's time-out that the queue may take; the rest is for the request itself and for estimation error."""
EVIDENCE, WINDOW = 5.0, 20.0
"""Seconds of work before the measured speed is used, and after which older measurements count half."""


class Admission:
    """Counts the units (pairs, samples) of the requests in service, and measures how fast they are served.

    `most`: units that may wait. A request is never refused when nothing else waits, whatever its size: waiting would
    not make room for it.
    """

    def __init__(self, most: int, unit: str) -> None:
        self.most = most
        self.waiting = 0
        self._unit = unit
        self._served = self._busy = 0.0
        self._measured_at = 0.0

    @property
    def seconds_ahead(self) -> float:
        """Seconds until everything that waits is served, at the recent speed; 0 while the speed is unknown."""
        return self.waiting * self._busy / self._served if self._busy > EVIDENCE and self._served else 0.0

    @contextlib.contextmanager
    def admit(self, units: int, bears: float | None) -> Iterator[None]:
        """Count a request while it is served. `bears`: the client's time-out in seconds, None if unknown.

        Raises Refusal (429) with an estimate of when there will be room.
        """
        self._demand_room(units, bears)
        if not self.waiting:
            self._measured_at = time.monotonic()
        self.waiting += units
        try:
            yield
            self._note(units)
        finally:
            self.waiting -= units

    def _demand_room(self, units: int, bears: float | None) -> None:
        if not self.waiting:
            return
        ahead, longest = self.seconds_ahead, LONGEST_WAIT if bears is None else bears * SHARE
        if self.waiting + units <= self.most and ahead <= longest:
            return
        excess = max(units * ahead / self.waiting, ahead - longest)
        after = max(1, min(LONGEST_RETRY_AFTER, math.ceil(excess)))
        raise Refusal(429, f"{self.waiting} {self._unit} are waiting, for about {ahead:.0f} s", later(after))

    def _note(self, units: int) -> None:
        """Update the speed: units served, and the time during which any were waiting."""
        now = time.monotonic()
        self._served += units
        self._busy += now - self._measured_at
        self._measured_at = now
        if self._busy > WINDOW:
            self._served, self._busy = self._served / 2, self._busy / 2
