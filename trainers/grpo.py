"""GRPO: TRL's GRPOTrainer with the rewards of the reward library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groundeval.models.chat import ChatFormat
from groundeval.rewards.adapters.trl import trl_reward
from groundeval.rewards.reward import Rewarded
from groundeval.rewards.rollouts import Rollout
from groundeval.trainers.data.datasets import Rows
from groundeval.trainers.policy import Policy, peft_config
from groundeval.trainers.recipe import Lora, Recipe, Stage
from groundeval.trainers.scoring import terms
from groundeval.trainers.watching import HELD_OUT, CompletionLog


class JudgedCompletions:
    """What TRL calls for rewards: completions decoded as `groundeval run` decodes them, judged, and some kept.

    TRL's own decoding drops every special token, reasoning tags among them; the token ids still have them. Tags of a
    model's own, such as `[THINK]`, become the usual ones, by which rewards and kept completions are read.
    """

    def __init__(self, recipe: Recipe, stage: Stage, format: ChatFormat, log: CompletionLog) -> None:
        self.reward = trl_reward(**terms(recipe, stage), held_out=HELD_OUT, on_rewards=self._keep)
        self.format = format
        self.log = log
        self.step = 0
        """The optimizer step that the completions at hand are for."""
        self.__name__ = self.reward.__name__

    async def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]],
        *,
        prompt_tail: Sequence[Sequence[int]],
        trainer_state: Any,
        **columns: Any,
    ) -> list[float | None]:
        """The rewards of a batch of completions; None where there is none, which TRL leaves out of the group."""
        self.step = trainer_state.global_step + 1
        texts = [
            self.format.in_usual_tags(self.format.decode(tail, ids))
            for tail, ids in zip(prompt_tail, completion_ids, strict=True)
        ]
        ends = self.format.end_tokens
        reasons = ["stop" if ids and ids[-1] in ends else "length" for ids in completion_ids]
        return await self.reward(
            prompts, texts, completion_ids, finish_reason=reasons, trainer_state=trainer_state, **columns
        )

    def _keep(self, rollouts: Sequence[Rollout], rewarded: Sequence[Rewarded]) -> None:
        if self.log.wanted(self.step):
            self.log.add(self.step, rollouts, rewarded)


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

    judged: Any = JudgedCompletions(recipe, stage, policy.format, log)
    return GRPOTrainer(
        model=model,
        reward_funcs=[judged],
        args=config,
        train_dataset=rows.dataset(),
        processing_class=policy.tokenizer,
        peft_config=peft_config(lora),
        callbacks=list(callbacks),
    )
