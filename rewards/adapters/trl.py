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
"""Gets the optimizer step that a batch of completions is for (from 1), the completions, and their rewards."""

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
    must not fall while the training reward rises. `on_rewards` gets every batch with its values and tables, for a
    log of your own. Raises UsageError for what does not exist.
    """
    rewarder = Rewarder.of(rewards, nli=nli, nli_options=nli_options, parameters=parameters)
    format = None
    if tokenizer is not None:
        template = getattr(tokenizer, "chat_template", None)
        format = ChatFormat(tokenizer, template if isinstance(template, str) else None, chat_template_kwargs or {})
    return TRLReward(rewarder, task=task, format=format, held_out=held_out, on_rewards=on_rewards)


class TRLReward:
    """Called by TRL with columns: `example` (JSON, or what it reads as), `task`, and maybe `prefill`, `finish_reason`
    and `prompt_tail` (the prompt's last token ids).

    With the policy's chat format, completions are decoded here as `groundeval run` decodes them. TRL's own decoding
    drops every special token, reasoning tags among them; the token ids still have them. Tags of a model's own, such as
    `[THINK]`, become the usual ones, by which rewards read an answer.

    Returns the totals, None for a sample that failed. Components, group statistics and the verifier's cost go to
    `log_metric`, what is known of each sample to `log_extra`. It pickles and keeps its name.
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
        prompt_tail: Sequence[Sequence[int]] | None = None,
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
        return [each.total for each in rewarded]

    def _alarmed(self, trainer_state: Any) -> bool:
        """Does what the trainer has logged so far look like a gamed reward."""
        history = getattr(trainer_state, "log_history", None) or []
        training, held_out = ([row[key] for row in history if key in row] for key in (TRAINING, self.held_out))
        return hacking_alarm(training, held_out) is not None

    def _prefill(self, prompt: Any) -> str:
        """What the chat template begins for the model, where TRL applies it: to prompts that are messages."""
        if isinstance(prompt, str):
            return opened(prompt)
        return "" if self.format is None else self.format.in_usual_tags(self.format.prefill)


def _decoded(
    format: ChatFormat, tails: Sequence[Sequence[int]], completion_ids: Sequence[Sequence[int]]
) -> tuple[list[str], Sequence[str | None]]:
    """The texts with their reasoning tags, and how each ended: `stop`, or `length` where no token ends it."""
    texts = [format.in_usual_tags(format.decode(tail, ids)) for tail, ids in zip(tails, completion_ids, strict=True)]
    return texts, ["stop" if ids and ids[-1] in format.end_tokens else "length" for ids in completion_ids]


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
