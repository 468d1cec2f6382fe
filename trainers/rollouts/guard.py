"""A guard on rollouts: checks that the engine that samples completions has the weights of the trained policy.

A run on stale or other weights looks healthy: rewards are computed, losses fall, nothing fails. It shows only in the
engine's log-probabilities of its sampled tokens, which differ from the trainer's.
"""

from __future__ import annotations

from typing import Any

from groundeval.errors import BackendError

NOISE = {"float32": 1e-3, "float16": 0.05, "bfloat16": 0.15}
"""By precision: largest difference of two correct implementations in the log-probability of a sampled token, in nats,
averaged over the tokens of a step. Several times the measured value (docs/training.md)."""


class RolloutDrift(BackendError):
    """The rollouts' engine samples from another distribution than the one being trained."""


class DriftGuard:
    """Compares the engine's log-probabilities of a step's own completions with the trainer's.

    `dtype`: the lower of the two precisions. `every`: optimizer steps between comparisons, not counting the first of a
    session. `tolerance`: largest accepted mean difference in nats; None: by the precision.
    """

    def __init__(self, stage: str, dtype: str, *, every: int, tolerance: float | None, lora: bool) -> None:
        self.stage = stage
        self.dtype = dtype
        self.every = every
        self.tolerance = NOISE[dtype] if tolerance is None else tolerance
        self.lora = lora
        self._last: int | None = None
        """The last step compared in this session."""

    def due(self, step: int) -> bool:
        """Whether the completions sampled for a step are to be compared."""
        return self._last is None or step >= self._last + self.every

    def check(self, step: int, engine: Any, trainer: Any, mask: Any) -> None:
        """Compare log-probabilities of the tokens in `mask`, tensors of one shape; steps count from 0.

        Tokens without a log-probability from the engine are left out; if none is left, the next step is due. Raises
        RolloutDrift.
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
            "stale weights: the trainer's updates do not reach the engine (quantised or repacked "
            "layers, a tied output layer that keeps its old copy, a restarted server)"
        )
        unmerged = "the LoRA adapter is not merged into the weights that are sent"
        other = (
            "another dtype or attention kernel than the trainer's, a quantised engine, another model or another chat "
            "template on the server, log-probabilities before temperature (`--logprobs-mode processed_logprobs`)"
        )
        causes = [stale, *([unmerged] if self.lora else [])]
        # Before the first update both must have the same weights, so stale weights cannot be the cause.
        ordered = [other, *causes] if first and step == 0 else [*causes, other]
        return (
            f"stage {self.stage}, step {step + 1}: the rollouts' engine does not have the weights of the policy being "
            f"trained. Its log-probabilities of its own completions differ from the trainer's by {mean:.3g} on average "
            f"and {most:.3g} at most; {self.dtype} explains {self.tolerance:g} on average.\n"
            "  Training on such rollouts looks healthy and learns from wrong ratios, so it stops here. Likely causes: "
            + "; ".join(f"({number}) {cause}" for number, cause in enumerate(ordered, 1))
            + ".\n  If a difference this large is intended, set `rollouts: {tolerance: ...}`."
        )
