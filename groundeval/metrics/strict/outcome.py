"""Outputs that neither answer nor refuse."""

from __future__ import annotations

from groundeval.metrics.metric import Context, Values, register_metric
from groundeval.records import Response
from groundeval.stats.bootstrap import mean_of

ATTEMPTED = "attempted"
"""The column of A under `strict`: whatever does not refuse, so that an output that says two things or nothing counts
in every mean over A, with 0."""


@register_metric(
    "strict_outcome",
    keys=(ATTEMPTED, "mixed", "void"),
    aggregates={
        "mixed_ratio": mean_of("mixed", more_is_better=False),
        "void_ratio": mean_of("void", more_is_better=False),
    },
    profiles=("strict",),
)
def strict_outcome(response: Response, ctx: Context) -> Values:
    """Did the output not refuse; did it refuse and answer at once; does it hold no statement (0 or 1 each)."""
    reading = ctx.read(response)
    return {
        ATTEMPTED: float(not reading.refused),
        "mixed": float(reading.decision.outcome == "mixed"),
        "void": float(reading.decision.outcome == "void"),
    }
