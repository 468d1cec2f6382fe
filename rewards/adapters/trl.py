"""A reward function for TRL's trainers (1.16): one asynchronous callable, whatever the number of rewards behind it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
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
OnRewards = Callable[[Sequence[Rollout], Sequence[Rewarded]], None]

MEANS = {"refused": "refusal_rate"}
"""What the mean of a sample's figure is called, where not as the figure."""
TRAINING = "reward"
"""What TRL calls the training reward in its log."""


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
    """A callable for `GRPOTrainer(reward_funcs=...)`; see `TRLReward` for the columns that the data must have.

    `rewards`: a name, or names with weights. `parameters`: of the reward, or of each by name. `task`: for data without
    a column `task`. `tokenizer`: the policy's; give it where TRL's own decoding drops reasoning tags because they are
    special tokens, or where the chat template begins the reasoning. `held_out`: the figure in the trainer's log that
    must not fall while the training reward rises. `on_rewards` is told every batch with its values and tables, for a
    log of your own. Raises UsageError for what does not exist.
    """
    rewarder = Rewarder.of(rewards, nli=nli, nli_options=nli_options, parameters=parameters)
    return TRLReward(rewarder, task, tokenizer, chat_template_kwargs, held_out, on_rewards)


class TRLReward:
    """Called by TRL with columns: `example` (JSON, or what it reads as), `task`, and maybe `prefill`, `finish_reason`.

    Returns the totals, None for a sample that failed. Components, group statistics and the verifier's cost go to
    `log_metric`, what is known of each sample to `log_extra`. It pickles and keeps its name.
    """

    def __init__(
        self,
        rewarder: Rewarder,
        task: str | None = None,
        tokenizer: Any = None,
        chat_template_kwargs: Mapping[str, Any] | None = None,
        held_out: str = "eval_reward",
        on_rewards: OnRewards | None = None,
    ) -> None:
        self.rewarder = rewarder
        self.task = task
        self.tokenizer = tokenizer
        self.chat_template_kwargs = dict(chat_template_kwargs or {})
        self.held_out = held_out
        self.on_rewards = on_rewards
        self.__name__ = rewarder.name

    async def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]] | None = None,
        *,
        example: Sequence[str | Mapping[str, Any]] | None = None,
        task: Sequence[str] | None = None,
        prefill: Sequence[str] | None = None,
        finish_reason: Sequence[str | None] | None = None,
        trainer_state: Any = None,
        log_metric: LogMetric | None = None,
        log_extra: LogExtra | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """The totals of a batch of completions."""
        if example is None:
            raise UsageError(
                f'reward {self.__name__}: the training data has no column "example"; it has: '
                f"{', '.join(sorted(columns)) or 'prompt'}.\n  Write it: groundeval data export --format trl"
            )
        if task is None and self.task is None:
            raise UsageError(f'reward {self.__name__}: the training data has no column "task"; name it: task=...')
        if not completions:
            return []
        texts = self._texts(completions, completion_ids)
        begun = list(prefill) if prefill is not None else [self._prefill(prompt) for prompt in prompts]
        reasons = finish_reason or [None] * len(texts)
        tasks = task or [self.task or ""] * len(texts)
        rollouts = [Rollout(*each) for each in zip(tasks, map(_as_json, example), texts, begun, reasons, strict=True)]
        with measured(self.rewarder.verifier(tasks)) as step:
            rewarded = await self.rewarder.score(rollouts, step.nli)
        if self.on_rewards is not None:
            self.on_rewards(rollouts, rewarded)
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
        return [each.total for each in rewarded]

    def _alarmed(self, trainer_state: Any) -> bool:
        """Does what the trainer has logged so far look like a gamed reward."""
        history = getattr(trainer_state, "log_history", None) or []
        training, held_out = ([row[key] for row in history if key in row] for key in (TRAINING, self.held_out))
        return hacking_alarm(training, held_out) is not None

    def _texts(self, completions: Sequence[Any], completion_ids: Sequence[Sequence[int]] | None) -> list[str]:
        """The texts with their reasoning tags: decoded here where there is a tokenizer to do it."""
        if self.tokenizer is None or completion_ids is None:
            return [completion_text(completion) for completion in completions]
        return [self._format.in_usual_tags(self._format.decode((), ids)) for ids in completion_ids]

    def _prefill(self, prompt: Any) -> str:
        """What the chat template begins for the model, where TRL applies it: to prompts that are messages."""
        if isinstance(prompt, str):
            return opened(prompt)
        return "" if self.tokenizer is None else self._format.in_usual_tags(self._format.prefill)

    @cached_property
    def _format(self) -> ChatFormat:
        template = getattr(self.tokenizer, "chat_template", None)
        return ChatFormat(self.tokenizer, template if isinstance(template, str) else None, self.chat_template_kwargs)


def _as_json(example: Any) -> str:
    return example if isinstance(example, str) else json.dumps(example)


def _columns(rewarded: Sequence[Rewarded], style: Sequence[Mapping[str, float]]) -> dict[str, list[Any]]:
    """What TRL's table of completions shows of each sample."""
    parts = dict.fromkeys(name for each in rewarded for name in each.components)
    return {
        "status": [each.status if each.error is None else f"{each.status}: {each.error}" for each in rewarded],
        **{name: [each.components.get(name) for each in rewarded] for name in parts},
        **{name: [each[name] for each in style] for name in style[0]},
    }
