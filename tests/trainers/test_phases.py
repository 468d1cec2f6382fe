"""Seconds by phase."""

from __future__ import annotations

from typing import Any

import pytest

from groundeval.trainers.phases import Stopwatch


class Trainer:
    """Its clock goes on by one second wherever it works; `generate` syncs first, and may fail."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def generate(self, fail: bool = False) -> str:
        self.now += 1
        self.sync()
        self.now += 1
        if fail:
            raise ValueError("out of memory")
        return "text"

    def sync(self) -> None:
        self.now += 3


@pytest.fixture
def watched() -> Any:
    trainer = Trainer()
    watch = Stopwatch(trainer.clock)
    watch.watch(trainer, "generate", "rollouts")
    watch.watch(trainer, "sync", "sync")
    return trainer, watch


def test_time_within_an_inner_phase_counts_for_that_one_only(watched: Any):
    trainer, watch = watched
    assert trainer.generate() == "text"
    trainer.sync()
    assert watch.seconds == {"rollouts": 2, "sync": 6}


def test_the_time_of_what_fails_counts_and_the_next_is_counted_rightly(watched: Any):
    trainer, watch = watched
    with pytest.raises(ValueError, match="out of memory"):
        trainer.generate(fail=True)
    trainer.generate()
    assert watch.seconds == {"rollouts": 4, "sync": 6}
