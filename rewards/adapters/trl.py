"""A reward function for TRL's trainers (1.16): one asynchronous callable, whatever the number of rewards behind it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from groundeval.errors import UsageError
from groundeval.models.chat import ChatFormat
from groundeval.rewards.columns import completion_text, opened
from groundeval.rewards.monitoring import group_figures, hacking_alarm, measured, style_of
from groundeval.rewards.reward import Rewarded
from groundeval.rewards.rollouts import Rewarder, Rollout

LogMetric = Callable[[str, float], None]
LogExtra = Callable[[str, list[Any]], None]
OnRewards = Callable[[int, Sequence[Rollout], Sequence[Rewarded]], None]
"""Called with the optimizer step of a batch (from 1), its completions, and their rewards."""

MEANS = {"refused": "refusal_rate"}
"""Names of means that differ from the name of the sample's figure."""
TRAINING = "reward"
"""The training reward's name in TRL's log."""


def trl_reward(
    rewards: str | Mapping[str, float],
    *,
    nli: str = "true",
    nli_options: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    task: str | None = None,
    tokenizer: Any = None,
    chat_template_kwargs: Mapping[str, Any] | None = None,
    held_out: str = "eval_reward",
    on_rewards: OnRewards | None = None,
) -> TRLReward:
    """A callable for `GRPOTrainer(reward_funcs=...)`; `TRLReward` lists the columns that the data must have.

    - `rewards`: a name, or names with weights; `parameters`: those of the reward, or of each reward by name.
    - `task`: for data without a column `task`.
    - `tokenizer`: the policy's. Needed where the reasoning tags are special tokens, which TRL's own decoding drops, and
      where the chat template opens the reasoning.
    - `held_out`: the figure in the trainer's log that must not fall while the training reward rises.
    - `on_rewards`: called with every batch and its values and tables, for a log of your own.

    Raises UsageError for rewards, tasks and parameters that do not exist.
    """
    rewarder = Rewarder.of(rewards, nli=nli, nli_options=nli_options, parameters=parameters)
    format = None
    if tokenizer is not None:
        template = getattr(tokenizer, "chat_template", None)
        format = ChatFormat(tokenizer, template if isinstance(template, str) else None, chat_template_kwargs or {})
    return TRLReward(rewarder, task=task, format=format, held_out=held_out, on_rewards=on_rewards)


class TRLReward:
    """The reward function that TRL calls with the columns of a batch: `example` (JSON or a mapping), `task`, and
    optionally `prefill`, `finish_reason` and `prompt_tail` (the last token ids of the prompt).

    With the policy's chat format, completions are decoded from their token ids as `groundeval run` decodes them: TRL's
    own decoding drops all special tokens, reasoning tags included. A model's own tags, such as `[THINK]`, are replaced
    by the usual ones.

    Returns the totals, None for a failed sample. Components, group statistics and the verifier's cost go to
    `log_metric`, the values of each sample to `log_extra`. Instances pickle and keep their name.
    """

    def __init__(
        self,
        rewarder: Rewarder,
        *,
        task: str | None = None,
        format: ChatFormat | None = None,
        held_out: str = "eval_reward",
        on_rewards: OnRewards | None = None,
    ) -> None:
        self.rewarder = rewarder
        self.task = task
        self.format = format
        self.held_out = held_out
        self.on_rewards = on_rewards
        self.__name__ = rewarder.name

    async def __call__(self, *batch: Any, **columns: Any) -> list[float | None]:
        """The totals of a batch of completions."""
        return [each.total for each in await self.rewarded(*batch, **columns)]

    async def rewarded(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]] | None = None,
        *,
        example: Sequence[str | Mapping[str, Any]] | None = None,
        task: Sequence[str] | None = None,
        prefill: Sequence[str] | None = None,
        finish_reason: Sequence[str | None] | None = None,
        prompt_tail: Sequence[Sequence[int]] | None = None,
        trainer_state: Any = None,
        log_metric: LogMetric | None = None,
        log_extra: LogExtra | None = None,
        **columns: Any,
    ) -> list[Rewarded]:
        """The rewards of a batch of completions with their parts."""
        if example is None:
            raise UsageError(
                f'reward {self.__name__}: the training data has no column "example"; it has: '
                f"{', '.join(sorted(columns)) or 'prompt'}.\n  Write it: groundeval data export --format trl"
            )
        if task is None and self.task is None:
            raise UsageError(f'reward {self.__name__}: the training data has no column "task"; name it: task=...')
        if not completions:
            return []
        ends: Sequence[str | None] = [None] * len(completions)
        begun = list(prefill) if prefill is not None else [self._prefill(prompt) for prompt in prompts]
        if self.format is None or completion_ids is None:
            texts = list(map(completion_text, completions, begun))
        else:
            begun = list(map(self.format.in_usual_tags, begun))
            texts, ends = _decoded(self.format, prompt_tail or [()] * len(completions), completion_ids)
        reasons = finish_reason or ends
        tasks = task or [self.task or ""] * len(texts)
        rollouts = [Rollout(*each) for each in zip(tasks, map(_as_json, example), texts, begun, reasons, strict=True)]
        with measured(self.rewarder.verifier(tasks)) as step:
            rewarded = await self.rewarder.score(rollouts, step.nli)
        if self.on_rewards is not None:
            self.on_rewards(getattr(trainer_state, "global_step", 0) + 1, rollouts, rewarded)
        style = [style_of(each.response(), self.rewarder.for_task(each.task)) for each in rollouts]
        if log_metric is not None:
            figures = {
                **group_figures(rewarded, [(each.task, each.example) for each in rollouts]),
                **step.figures(),
                **{MEANS.get(name, name): fmean(each[name] for each in style) for name in style[0]},
                "hacking_alarm": float(self._alarmed(trainer_state)),
            }
            for name, value in figures.items():
                log_metric(f"{self.__name__}/{name}", value)
        if log_extra is not None:
            for name, values in _columns(rewarded, style).items():
                log_extra(name, values)
        return rewarded

    def _alarmed(self, trainer_state: Any) -> bool:
        """Whether the trainer's log so far looks like a gamed reward."""
        history = getattr(trainer_state, "log_history", None) or []
        training, held_out = ([row[key] for row in history if key in row] for key in (TRAINING, self.held_out))
        return hacking_alarm(training, held_out) is not None

    def _prefill(self, prompt: Any) -> str:
        """The reasoning tag opened by the chat template, which TRL applies to prompts that are messages."""
        if isinstance(prompt, str):
            return opened(prompt)
        return "" if self.format is None else self.format.in_usual_tags(self.format.prefill)


def _decoded(
    format: ChatFormat, tails: Sequence[Sequence[int]], completion_ids: Sequence[Sequence[int]]
) -> tuple[list[str], Sequence[str | None]]:
    """The texts with their reasoning tags, and their finish reasons: `stop`, or `length` without an end token."""
    texts = [format.in_usual_tags(format.decode(tail, ids)) for tail, ids in zip(tails, completion_ids, strict=True)]
    return texts, ["stop" if ids and ids[-1] in format.end_tokens else "length" for ids in completion_ids]


def _as_json(example: Any) -> str:
    return example if isinstance(example, str) else json.dumps(example)


def _columns(rewarded: Sequence[Rewarded], style: Sequence[Mapping[str, float]]) -> dict[str, list[Any]]:
    """Columns for TRL's table of completions."""
    parts = dict.fromkeys(name for each in rewarded for name in each.components)
    return {
        "status": [each.status if each.error is None else f"{each.status}: {each.error}" for each in rewarded],
        **{name: [each.components.get(name) for each in rewarded] for name in parts},
        **{name: [each[name] for each in style] for name in style[0]},
    }
