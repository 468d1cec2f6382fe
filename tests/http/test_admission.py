"""The queue: what may wait, and what is told to come again."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from groundeval.http import admission
from groundeval.http.admission import Admission
from groundeval.http.answers import Refusal


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch):
    """A clock that is set by hand."""
    now = [100.0]
    monkeypatch.setattr(admission.time, "monotonic", lambda: now[0])
    return now


def serve(queue: Admission, clock: list[float], units: int, seconds: float) -> None:
    with queue.admit(units, None):
        clock[0] += seconds


def test_a_request_on_its_own_is_admitted_whatever_its_size(clock: list[float]):
    queue = Admission(10, "pairs")
    serve(queue, clock, 10, 1000.0)
    with queue.admit(10_000, 1.0):
        assert queue.waiting == 10_000
    assert queue.waiting == 0


def test_more_than_may_wait_is_refused_with_the_time_when_there_is_room(clock: list[float]):
    queue = Admission(100, "pairs")
    serve(queue, clock, 50, 10.0)
    with queue.admit(60, None), pytest.raises(Refusal) as refused, queue.admit(50, None):
        pass
    assert refused.value.status == 429
    assert refused.value.headers == {"Retry-After": "10"}


def test_a_queue_that_takes_longer_than_a_client_waits_is_refused_at_once(clock: list[float]):
    queue = Admission(100_000, "pairs")
    serve(queue, clock, 100, 10.0)
    with ExitStack() as served:
        served.enter_context(queue.admit(500, None))
        assert queue.seconds_ahead == pytest.approx(50.0)
        with queue.admit(1, 120.0):
            pass
        with pytest.raises(Refusal), queue.admit(1, 60.0):
            pass
        served.enter_context(queue.admit(500, 120.0))
        with pytest.raises(Refusal), queue.admit(1, 120.0):
            pass
        with queue.admit(1, 600.0):
            pass
        # Who does not say how long it waits is taken to wait a minute.
        with pytest.raises(Refusal, match="1000 pairs are waiting, for about 98 s"), queue.admit(1, None):
            pass


def test_one_slow_request_at_the_start_says_nothing_about_the_speed(clock: list[float]):
    queue = Admission(1_000, "pairs")
    serve(queue, clock, 1, 4.0)
    with queue.admit(900, None), queue.admit(10, None):
        assert queue.seconds_ahead == 0.0


def test_the_speed_follows_what_was_served_last(clock: list[float]):
    queue = Admission(1_000, "pairs")
    for _ in range(10):
        serve(queue, clock, 10, 10.0)
    with queue.admit(10, None):
        assert queue.seconds_ahead == pytest.approx(10.0)
    for _ in range(200):
        serve(queue, clock, 100, 1.0)
    with queue.admit(100, None):
        assert queue.seconds_ahead == pytest.approx(1.0, rel=0.1)
    # Time in which nothing waits does not count.
    clock[0] += 1_000
    with queue.admit(100, None):
        assert queue.seconds_ahead == pytest.approx(1.0, rel=0.1)


def test_requests_that_fail_do_not_stay_in_the_queue():
    queue = Admission(10, "samples")
    with pytest.raises(ValueError, match="x"), queue.admit(5, None):
        raise ValueError("x")
    assert queue.waiting == 0
