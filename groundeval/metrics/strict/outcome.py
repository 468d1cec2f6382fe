"""Outputs that neither answer nor refuse."""

from __future__ import annotations

from groundeval.metrics.metric import Context, Values, register_metric
from groundeval.records import Response
from groundeval.stats.bootstrap import mean_of

ATTEMPTED = "attempted"
"""The column of A under `strict`: every output that does not refuse, so that one that does both or says nothing counts
as 0 in every mean over A."""


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
    """Whether the output did not refuse, refused and answered at once, or holds no statement (0 or 1 each)."""
    reading = ctx.read(response)
    return {
        ATTEMPTED: float(not reading.refused),
        "mixed": float(reading.decision.outcome == "mixed"),
        "void": float(reading.decision.outcome == "void"),
    }
