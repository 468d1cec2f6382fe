"""Seconds of a GRPO step by phase: rollouts, sync of their engine, rewards, forward, backward."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from time import perf_counter
from typing import Any

PHASES = {
    "_generate": "rollouts",
    "_calculate_rewards": "rewards",
    "_get_per_token_logps_and_entropies": "forward",
    "compute_loss": "forward",
}
"""Methods of TRL's GRPOTrainer with the phase that they are."""


class Stopwatch:
    """Adds up the time of functions by phase; time within an inner phase counts for that one only."""

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self.clock = clock
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._inner: list[float] = []

    def watch(self, owner: Any, method: str, phase: str) -> None:
        """Replace a method of an object by one that counts its time."""
        setattr(owner, method, self._timed(getattr(owner, method), phase))

    def _timed(self, function: Callable[..., Any], phase: str) -> Callable[..., Any]:
        @wraps(function)
        def run(*arguments: Any, **settings: Any) -> Any:
            started = self.clock()
            self._inner.append(0.0)
            try:
                return function(*arguments, **settings)
            finally:
                spent = self.clock() - started
                self.seconds[phase] += spent - self._inner.pop()
                if self._inner:
                    self._inner[-1] += spent

        return run


def timing_callback(trainer: Any, clock: Callable[[], float] = perf_counter) -> Any:
    """A callback that logs `seconds/PHASE` of every step of a GRPO trainer, whose methods it replaces."""
    from transformers import TrainerCallback

    watched = Stopwatch(clock)
    for method, phase in PHASES.items():
        watched.watch(trainer, method, phase)
    watched.watch(trainer.accelerator, "backward", "backward")
    if hasattr(trainer, "rollouts"):
        watched.watch(trainer.rollouts, "sync_weights", "sync")

    class Timing(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            for phase, seconds in watched.seconds.items():
                trainer._metrics["train"][f"seconds/{phase}"].append(seconds)
            watched.seconds.clear()

    return Timing()
