"""Rewards as metrics: the reward that training would give each sample, reported beside its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from groundeval.metrics.metric import Context, Metric, Values
from groundeval.metrics.profiles import profile_named
from groundeval.records import Response
from groundeval.rewards import Reward, load_reward
from groundeval.run.options import ScoringOptions
from groundeval.scoring.plan import plan_scoring
from groundeval.stats.bootstrap import Aggregate, mean_of
from groundeval.tasks.task import Task


@dataclass(frozen=True, slots=True)
class RewardMetric:
    """A reward in the form of a metric, and what determines its totals."""

    metric: Metric
    identity: Mapping[str, Any]


def reward_metric(name: str, task: Task, fields: frozenset[str], options: ScoringOptions) -> RewardMetric:
    """The metric `reward:NAME`: the mean total of a reward over the samples that have one.

    `fields` are those of the data. Raises UsageError for an unknown reward, DataError for data that lacks a field which
    its metrics need.
    """
    reward = load_reward(name, task, nli=options.nli, nli_options=options.verifier_options)
    plan = plan_scoring(profile_named(reward.profile), reward.kind, fields, asked=reward.metrics)
    key = f"reward:{reward.name}"

    async def score(response: Response, ctx: Context) -> Values:
        [rewarded] = await reward.score([response], ctx.nli)
        parts = {"reward": reward.name, "total": rewarded.total, "components": dict(rewarded.components)}
        ctx.evidence.setdefault("rewards", []).append(parts)
        return {key: rewarded.total}

    metric = Metric(
        key,
        score,
        (key,),
        {key: reward_aggregate(key)},
        nli=plan.asks_nli,
        range=(reward.low, reward.high),
        description=reward.description,
    )
    return RewardMetric(metric, _identity(reward))


def reward_aggregate(key: str) -> Aggregate:
    """The aggregate of a reward's totals: their plain mean."""
    return mean_of(key, unit="number")


def _identity(reward: Reward) -> dict[str, Any]:
    return {
        "name": reward.name,
        "profile": reward.profile,
        "metrics": list(reward.metrics),
        "parameters": {key: repr(value) for key, value in sorted(reward.parameters.items())},
        "weights": dict(reward.weights),
        **({"code": code} if (code := reward.code_behind) else {}),
    }
