"""Citation recall and precision under profile `strict`."""

from __future__ import annotations

from groundeval.metrics.citation import citation_f1
from groundeval.metrics.lists import ratio
from groundeval.metrics.metric import Context, Values, register_metric
from groundeval.metrics.strict.judging import judged_statements
from groundeval.metrics.strict.outcome import ATTEMPTED
from groundeval.records import Response
from groundeval.stats.bootstrap import mean_of


@register_metric(
    "strict_citation",
    keys=("citation_rec", "citation_prec"),
    aggregates={
        "regular_citation_rec": mean_of("citation_rec"),
        "regular_citation_prec": mean_of("citation_prec"),
        "regular_citation_f1": citation_f1(None),
        "answered_citation_rec": mean_of("citation_rec", ATTEMPTED),
        "answered_citation_prec": mean_of("citation_prec", ATTEMPTED),
        "answered_citation_f1": citation_f1(ATTEMPTED),
    },
    profiles=("strict",),
    needs=("docs",),
    uses=("strict_outcome",),
    nli=True,
)
async def strict_citation(response: Response, ctx: Context) -> Values:
    """Citation recall and precision of one response, fractions in [0, 1]; 0 unless it is a plain answer.

    Recall: share of statements that their citations, read together, entail and that the question alone does not.
    Precision: share of citations, each counted once per statement, that name a document and that the statement needs.
    """
    judged = await judged_statements(response, ctx)
    return {
        "citation_rec": ratio(sum(each.supported for each in judged), len(judged)),
        "citation_prec": ratio(sum(sum(each.precise) for each in judged), sum(len(each.precise) for each in judged)),
    }
