"""GRPO: TRL's GRPOTrainer with the rewards of the reward library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groundeval.models.chat import ChatFormat
from groundeval.rewards.adapters.trl import TRLReward
from groundeval.rewards.reward import Rewarded
from groundeval.rewards.rollouts import Rollout
from groundeval.trainers.data.datasets import Rows
from groundeval.trainers.policy import Policy, peft_config
from groundeval.trainers.recipe import Lora, Recipe, Stage
from groundeval.trainers.scoring import rewarder
from groundeval.trainers.watching import HELD_OUT, CompletionLog


def judged_completions(recipe: Recipe, stage: Stage, format: ChatFormat, log: CompletionLog) -> TRLReward:
    """What TRL calls for the stage's rewards; some of the judged completions are kept in the log."""

    def keep(step: int, rollouts: Sequence[Rollout], rewarded: Sequence[Rewarded]) -> None:
        if log.wanted(step):
            log.add(step, rollouts, rewarded)

    return TRLReward(rewarder(recipe, stage), format=format, held_out=HELD_OUT, on_rewards=keep)


def grpo_trainer(
    recipe: Recipe,
    stage: Stage,
    policy: Policy,
    model: Any,
    config: Any,
    rows: Rows,
    lora: Lora | None,
    callbacks: Sequence[Any],
    log: CompletionLog,
) -> Any:
    """A trainer that draws several answers to every prompt of the rows (`grpo_rows`) and learns from their rewards."""
    from trl import GRPOTrainer

    return GRPOTrainer(
        model=model,
        reward_funcs=[judged_completions(recipe, stage, policy.format, log)],
        args=config,
        train_dataset=rows.dataset(),
        processing_class=policy.tokenizer,
        peft_config=peft_config(lora),
        callbacks=list(callbacks),
    )
