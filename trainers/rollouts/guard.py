"""A guard on rollouts: does the engine that draws completions hold the policy that is trained.

A run on stale or other weights looks healthy: rewards are computed, losses fall, nothing fails. What gives it away is
that the engine's log-probabilities of the tokens that it drew are not those of the trainer.
"""

from __future__ import annotations

from typing import Any

from groundeval.errors import BackendError

NOISE = {"float32": 1e-3, "float16": 0.05, "bfloat16": 0.15}
"""By precision: the most that two correct implementations differ in the log-probability of a drawn token, in nats,
on average over the tokens of a step. Several times what was measured (docs/training.md)."""


class RolloutDrift(BackendError):
    """The engine of the rollouts draws from another distribution than the one that is trained."""


class DriftGuard:
    """Compares the engine's log-probabilities of a step's own completions with the trainer's.

    `dtype`: the coarser of the precisions in which the two compute. `every`: optimizer steps between comparisons, the
    first of a session aside. `tolerance`: the mean difference in nats that is let pass; None: that of the precision.
    """

    def __init__(self, stage: str, dtype: str, *, every: int, tolerance: float | None, lora: bool) -> None:
        self.stage = stage
        self.dtype = dtype
        self.every = every
        self.tolerance = NOISE[dtype] if tolerance is None else tolerance
        self.lora = lora
        self._last: int | None = None
        """The step compared last in this session."""

    def due(self, step: int) -> bool:
        """Is a comparison wanted of the completions drawn for a step."""
        return self._last is None or step >= self._last + self.every

    def check(self, step: int, engine: Any, trainer: Any, mask: Any) -> None:
        """Compare log-probabilities of the tokens that `mask` marks, tensors of one shape; steps count from 0.

        Tokens that the engine gives no number are left out; without any token nothing is compared, and the next step
        is due. Raises RolloutDrift.
        """
        counted = mask.bool() & ~engine.isnan()
        if not counted.any():
            return
        difference = (engine.float() - trainer.float()).abs()[counted]
        mean, most = difference.mean().item(), difference.max().item()
        first = self._last is None
        self._last = step
        if not mean <= self.tolerance:
            raise RolloutDrift(self._message(step, mean, most, first=first))

    def _message(self, step: int, mean: float, most: float, *, first: bool) -> str:
        stale = (
            "stale weights: what the trainer sends at each step does not reach the engine (quantised or repacked "
            "layers, a tied output layer that keeps its old copy, a server that was started anew)"
        )
        unmerged = "the LoRA adapter is not merged into the weights that are sent"
        other = (
            "another dtype or attention kernel than the trainer's, a quantised engine, another model or another chat "
            "template at the server, log-probabilities before temperature (`--logprobs-mode processed_logprobs`)"
        )
        causes = [stale, *([unmerged] if self.lora else [])]
        # Before the first update both must hold the same weights, so that staleness cannot be what is wrong.
        ordered = [other, *causes] if first and step == 0 else [*causes, other]
        return (
            f"stage {self.stage}, step {step + 1}: the engine of the rollouts does not hold the policy that is "
            f"trained. Its log-probabilities of its own completions differ from the trainer's by {mean:.3g} on average "
            f"and {most:.3g} at most; {self.dtype} explains {self.tolerance:g} on average.\n"
            "  Training on such rollouts looks healthy and learns from wrong ratios, so it stops here. Likely causes: "
            + "; ".join(f"({number}) {cause}" for number, cause in enumerate(ordered, 1))
            + ".\n  If the difference is meant to be so large, say so with `rollouts: {tolerance: ...}`."
        )
