"""Who may wait: a queue that is too long is said at once, instead of leaving clients to their time-outs."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator

from groundeval.http.answers import Refusal, later

LONGEST_WAIT = 60.0
"""Seconds that a new request may have to wait for those before it, where the client does not say what it bears."""
LONGEST_RETRY_AFTER = 30
SHARE = 0.8
"""Of the time for which a client waits: what is left is for the way, and for what an estimate is wrong by."""
EVIDENCE, WINDOW = 5.0, 20.0
"""Seconds of work after which the measured speed counts, and after which what was measured before counts half."""


class Admission:
    """Counts the units (pairs, samples) of the requests that are being served, and how fast they go.

    `most`: units that may wait. A request on its own is never refused, whatever its size: nothing would ever make room.
    """

    def __init__(self, most: int, unit: str) -> None:
        self.most = most
        self.waiting = 0
        self._unit = unit
        self._served = self._busy = 0.0
        self._measured_at = 0.0

    @property
    def seconds_ahead(self) -> float:
        """How long what waits will take, at the speed of the last requests; 0 while that is not known."""
        return self.waiting * self._busy / self._served if self._busy > EVIDENCE and self._served else 0.0

    @contextlib.contextmanager
    def admit(self, units: int, bears: float | None) -> Iterator[None]:
        """Count a request while it is served. `bears`: seconds that its client waits for the answer.

        Raises Refusal: 429, with the time after which there should be room.
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
        """Learn the speed: units that were served, and the time during which there were any."""
        now = time.monotonic()
        self._served += units
        self._busy += now - self._measured_at
        self._measured_at = now
        if self._busy > WINDOW:
            self._served, self._busy = self._served / 2, self._busy / 2
