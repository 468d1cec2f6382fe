"""The reward on profile `strict`: only content grounded in the documents is rewarded."""

from __future__ import annotations

from groundeval.metrics.lists import f1
from groundeval.metrics.metric import Values
from groundeval.rewards.registry import register_reward
from groundeval.rewards.reward import Components, Line, Reward
from groundeval.tasks import Task


@register_reward("strict_grounded")
def strict_grounded(task: Task) -> Reward:
    """Supported gold answers in statements that their citations support, with nothing besides; or a plain refusal."""
    return Reward(("answering", "strict_grounded", "plain_refusal"), grounded_parts, "strict")


def grounded_parts(values: Values, line: Line) -> Components:
    """One part applies to a sample, in [0, 1].

    - `answer`, for an answerable question: the F1 of two shares (supported gold answers that the output grounds,
      statements that ground one) times the share of needed citations. Since all factors are shares, length is not
      rewarded.
    - `refusal`, for an unanswerable question: 1 if the output is a refusal and nothing else, else 0.
    """
    if values["answerable"] != 1:
        return {"answer": None, "refusal": values["plain_refusal"]}
    grounded = f1(values["grounded_useful"] or 0.0, values["grounded_rec"] or 0.0)
    return {"answer": grounded * (values["grounded_cited"] or 0.0), "refusal": None}
