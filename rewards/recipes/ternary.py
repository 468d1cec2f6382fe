"""Three outcomes, three rewards: correct, refused, wrong."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import Field

from groundeval.metrics.calibrated import TRUST_CORRECTNESS
from groundeval.metrics.metric import Values
from groundeval.rewards.recipes.trust import CORRECTNESS_METRIC
from groundeval.rewards.registry import register_reward
from groundeval.rewards.reward import Components, Line, Reward
from groundeval.tasks import Task


@register_reward("ternary")
def ternary(
    task: Task,
    *,
    correct: float = 1.0,
    refuse: float = 0.0,
    wrong: float = -1.0,
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.5,
) -> Reward:
    """Correct, refused or wrong: +1, 0 or -1. Right refusals are correct; citations do not count."""
    outcomes = (correct, refuse, wrong)
    formula = partial(
        outcome,
        correctness=TRUST_CORRECTNESS[task.kind],
        correct=correct,
        refuse=refuse,
        wrong=wrong,
        threshold=threshold,
    )
    metrics = ("answering", CORRECTNESS_METRIC[task.kind])
    return Reward(metrics, formula, "trust", low=min(outcomes), high=max(outcomes))


def outcome(
    values: Values, line: Line, *, correctness: str, correct: float, refuse: float, wrong: float, threshold: float
) -> Components:
    """The single part `outcome`. An answer is correct if it contains at least the share `threshold` of the gold answers
    that the documents support. A refusal is correct if they support none."""
    if values["refused"] == 1:
        return {"outcome": refuse if values["answerable"] == 1 else correct}
    return {"outcome": correct if (values[correctness] or 0.0) >= threshold else wrong}
