"""ALCE's correctness and citation quality (Gao et al. 2023) as a reward."""

from __future__ import annotations

from functools import partial

from groundeval.metrics.lists import f1
from groundeval.metrics.metric import Values
from groundeval.metrics.reading import AnswerKind
from groundeval.rewards.registry import register_reward
from groundeval.rewards.reward import Components, Line, Reward
from groundeval.tasks import Task

CORRECTNESS: dict[AnswerKind, tuple[str, str]] = {
    "em": ("str_em", "str_em"),
    "list": ("qampari", "qampari_f1_top5"),
    "claims": ("claims", "claims_nli"),
}
"""The metric and its column, by kind of answers."""


@register_reward("alce")
def alce(task: Task) -> Reward:
    """ALCE: EM recall (list tasks: F1-5, claim tasks: claim recall) plus citation F1."""
    metric, column = CORRECTNESS[task.kind]
    return Reward((metric, "citation"), partial(alce_parts, correctness=column), "alce", high=2.0)


def alce_parts(values: Values, line: Line, *, correctness: str) -> Components:
    """Correctness and the F1 of citation recall and precision, each in [0, 1]; no statements, no citation score."""
    cited = values["citation_rec"], values["citation_prec"]
    return {
        "correctness": values[correctness],
        "citation": None if None in cited else f1(cited[1] or 0.0, cited[0] or 0.0),
    }
