"""The quantities of the reward `strict_grounded`, as metrics that are asked for by name."""

from __future__ import annotations

from groundeval.metrics.lists import ratio
from groundeval.metrics.metric import Context, Values, register_metric
from groundeval.metrics.strict.correctness import supported_only
from groundeval.metrics.strict.gold import brought, shares_brought, useful
from groundeval.metrics.strict.judging import judged_statements
from groundeval.parsing.strict.refusal import MIXED_WORDS
from groundeval.records import Response
from groundeval.stats.bootstrap import mean_of


@register_metric(
    "strict_grounded",
    keys=("grounded_rec", "grounded_useful", "grounded_cited"),
    aggregates={
        "grounded_rec": mean_of("grounded_rec"),
        "grounded_useful": mean_of("grounded_useful"),
        "grounded_cited": mean_of("grounded_cited"),
    },
    profiles=("strict",),
    needs=("docs", "answers"),
    nli=True,
    default=False,
)
async def strict_grounded(response: Response, ctx: Context) -> Values:
    """Gold answers that the documents support, counted only in statements that their own citations support.

    `grounded_rec`: their share of all supported ones. `grounded_useful`: the share of statements that bring one not
    brought before. `grounded_cited`: precise citations of these statements, of all citations as written, repetitions
    included; so true sentences on something else cannot dilute needless citations. A statement without a citation
    counts as one, an unsupported one as one more, so that leaving a citation out does not pay. In [0, 1]; 0 for an
    unanswerable question and for all that is no plain answer.
    """
    judged = await judged_statements(response, ctx)
    reading, example = ctx.read(response), response.example
    if not judged or not example.answerable:
        return {"grounded_rec": 0.0, "grounded_useful": 0.0, "grounded_cited": 0.0}
    bringing = supported_only(await brought(reading, ctx, [each.supported for each in judged]), response)
    written = sum(
        max(len(statement.citations), 1) + (not each.supported)
        for statement, each in zip(reading.statements, judged, strict=True)
    )
    return {
        "grounded_rec": ratio(sum(shares_brought(bringing, reading)), sum(example.supported)),
        "grounded_useful": useful(bringing, reading),
        "grounded_cited": ratio(sum(sum(judged[place].precise) for place in set(bringing.values())), written),
    }


@register_metric(
    "plain_refusal", keys=("plain_refusal",), profiles=("strict",), needs=("docs", "answers"), default=False
)
def plain_refusal(response: Response, ctx: Context) -> Values:
    """Is the output a refusal and nothing besides: 1, less a quarter for each word that it says besides; else 0.

    Four words make it mixed, so that this ends where refusals end. In [0, 1].
    """
    decision = ctx.read(response).decision
    said = min(decision.beside, MIXED_WORDS) if decision.outcome == "refused" else MIXED_WORDS
    return {"plain_refusal": 1 - said / MIXED_WORDS}
