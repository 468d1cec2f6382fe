"""The parts of the Trust-Score (Song et al. 2025) that a single sample has."""

from __future__ import annotations

from functools import partial

from groundeval.metrics.calibrated import TRUST_CORRECTNESS
from groundeval.metrics.lists import f1
from groundeval.metrics.metric import Values
from groundeval.metrics.reading import AnswerKind
from groundeval.rewards.registry import register_reward
from groundeval.rewards.reward import Components, Line, Reward
from groundeval.tasks import Task

CORRECTNESS_METRIC: dict[AnswerKind, str] = {
    "em": "calibrated_em",
    "list": "calibrated_list",
    "claims": "calibrated_claims",
}


@register_reward("trust")
def trust(task: Task) -> Reward:
    """Trust-Score's parts for one sample: the mean of correctness, deciding to answer or refuse, citation F1."""
    return Reward(
        metrics=("answering", CORRECTNESS_METRIC[task.kind], "grounded_citation"),
        formula=partial(trust_parts, correctness=TRUST_CORRECTNESS[task.kind]),
        profile="trust",
        combine="mean",
    )


def trust_parts(values: Values, line: Line, *, correctness: str) -> Components:
    """The three parts, each in [0, 1].

    A sample has the parts whose means it enters: a refusal has no citation score, and a refused unanswerable question
    no correctness score either, so that its reward is the one for the right decision alone.
    """
    answered, answerable = values["answered"] == 1, values["answerable"] == 1
    citation = f1(values["citation_prec"] or 0.0, values["citation_rec"] or 0.0) if answered else None
    return {
        "correctness": values[correctness] if answered or answerable else None,
        "refusal": float(answered == answerable),
        "citation": citation,
    }
