"""A GRPOTrainer whose completions come from vLLM, checked by a guard."""

from __future__ import annotations

from typing import Any

import torch
from trl import GRPOTrainer

from groundeval.generation.backends.engine_log import EngineLog
from groundeval.trainers.rollouts.engine import RolloutEngine, rollout_engine
from groundeval.trainers.rollouts.guard import DriftGuard


class RolloutTrainer(GRPOTrainer):  # type: ignore[misc]
    """A GRPOTrainer that raises RolloutDrift if the engine's weights are not the policy's. Close it to end the engine.

    `guard`: None if the engine's log-probabilities are expected to differ from the trainer's. `dtype`: precision of
    trainer and engine. `log` captures the engine's output.
    """

    _last_loaded_step: int

    def __init__(self, *, guard: DriftGuard | None, dtype: str, log: EngineLog, **settings: Any) -> None:
        self.guard = guard
        with rollout_engine(dtype, log):
            super().__init__(**settings)

    @property
    def rollouts(self) -> RolloutEngine:
        """The generator of completions."""
        engine: RolloutEngine = self.vllm_generation
        return engine

    def sync_engine(self) -> None:
        """Send the current weights to the engine, unless it has them. All ranks must call it."""
        if self._last_loaded_step != self.state.global_step:
            self.rollouts.sync_weights()
            self._last_loaded_step = self.state.global_step

    def close(self) -> None:
        """End the engine, or the connection to its server."""
        self.rollouts.close()

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        scored = super()._generate_and_score_completions(inputs)
        step = self.state.global_step
        if self.guard is not None and self.model.training and self.guard.due(step):
            own = scored.get("old_per_token_logps")
            if own is None:
                own = self._log_probabilities(scored)
            self.guard.check(step, scored["sampling_per_token_logps"], own, scored["completion_mask"])
        return scored

    def _log_probabilities(self, scored: Any) -> Any:
        """The trainer's log-probabilities of completions, which TRL computes only when it needs them."""
        ids = torch.cat([scored["prompt_ids"], scored["completion_ids"]], dim=1)
        mask = torch.cat([scored["prompt_mask"], scored["completion_mask"]], dim=1)
        kept, together = scored["completion_ids"].size(1), self.args.per_device_train_batch_size
        with torch.no_grad():
            found, *_ = self._get_per_token_logps_and_entropies(self.model, ids, mask, kept, batch_size=together)
        return found
