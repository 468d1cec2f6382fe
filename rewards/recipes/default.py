"""The default reward of a task: the one named by the task, or else the mean of its headline values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from groundeval.errors import UsageError
from groundeval.rewards.recipes.weighted import bounds, read, weighted
from groundeval.rewards.registry import make, recipe_of, register_reward
from groundeval.rewards.reward import Reward
from groundeval.tasks import Task

SUMMARY = "trust_score"
"""A headline figure without per-sample values."""
PARTS = {"trust": "trust", "strict": "strict_grounded"}
"""The reward made of its per-sample parts, by profile."""


@register_reward("default")
def default(task: Task) -> Reward:
    """The task's own reward: the one in its field `reward`, else the mean of its headline values."""
    named = task.reward
    if named == "default":
        raise UsageError(f'task "{task.name}": its reward cannot be "default"; name another, or leave it out')
    if isinstance(named, str):
        return make(named, recipe_of(named), task, {})
    if named is not None:
        return _weighted(task, named)
    if SUMMARY in task.headline and task.profile in PARTS:
        parts = PARTS[task.profile]
        return make(parts, recipe_of(parts), task, {})
    return _weighted(task, dict.fromkeys(task.headline, 1.0))


def _weighted(task: Task, weights: Mapping[str, float]) -> Reward:
    """The weighted mean of values under the task's profile."""
    if not weights or any(weight < 0 for weight in weights.values()) or not any(weights.values()):
        raise UsageError(f'task "{task.name}": the weights of its reward must be 0 or more, and one of them above 0')
    found = {name: read(name, task.profile, task.kind, f'reward of task "{task.name}"') for name in weights}
    low, high = bounds({name: (each.low, each.high) for name, each in found.items()}, weights, mean=True)
    return Reward(
        metrics=tuple(dict.fromkeys(each.metric for each in found.values())),
        formula=partial(weighted, parts={name: each.column for name, each in found.items()}),
        profile=task.profile,
        low=low,
        high=high,
        combine="mean",
        weights=weights,
    )
