"""The components of the reward `strict_grounded`, as metrics that are off by default."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from groundeval.metrics.lists import ratio
from groundeval.metrics.metric import Context, Values, register_metric
from groundeval.metrics.reading import Reading
from groundeval.metrics.strict.correctness import supported_only
from groundeval.metrics.strict.gold import Brought, brought, shares_brought
from groundeval.metrics.strict.judging import StrictlyJudged, judged_statements, lender
from groundeval.metrics.strict.usefulness import ALLOWANCE, useful
from groundeval.parsing.strict.matching import spelled
from groundeval.records import Response, Statement
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

    `grounded_rec`: their share of all supported ones. `grounded_useful`: the share of statements that give one not
    given before. `grounded_cited`: precise citations of these statements, of all citations as written, repetitions
    included, except a first one behind several words of its own; so true sentences on another subject cannot dilute
    needless citations. A statement without a citation counts as one, an unsupported one as one more, so that leaving a
    citation out does not pay. In [0, 1]; 0 for an unanswerable question and for any output that is not a plain answer.
    """
    judged = await judged_statements(response, ctx)
    reading, example = ctx.read(response), response.example
    if not judged or not example.answerable:
        return {"grounded_rec": 0.0, "grounded_useful": 0.0, "grounded_cited": 0.0}
    bringing = supported_only(await brought(reading, ctx, [each.supported for each in judged]), response)
    judged = _with_uncited_answers(judged, reading, bringing)
    places = {place for found in bringing.values() for place in found}
    needed, written = citations_counted(reading.statements, judged, places)
    return {
        "grounded_rec": ratio(sum(shares_brought(bringing, reading)), sum(example.supported)),
        "grounded_useful": useful(bringing, judged, reading),
        "grounded_cited": ratio(needed, written),
    }


def _with_uncited_answers(
    judged: Sequence[StrictlyJudged], reading: Reading, bringing: Brought
) -> Sequence[StrictlyJudged]:
    """A statement with an answer that no cited statement gives lacks a citation, even if it is true; one that repeats a
    cited answer lacks none."""
    if reading.kind == "claims":
        return judged
    example, found = reading.response.example, {part.gold for part in bringing}
    missing = [
        aliases for gold, aliases in enumerate(example.answers or ()) if gold not in found and example.supported[gold]
    ]
    return [
        replace(each, role="unsupported")
        if each.role == "aside" and any(spelled(aliases, statement.text, example.question) for aliases in missing)
        else each
        for statement, each in zip(reading.statements, judged, strict=True)
    ]


BORROWED = 0.05
"""Cost, in citations, of a statement that gives an answer and leaves its citations to the end of the paragraph."""


def citations_counted(
    statements: Sequence[Statement], judged: Sequence[StrictlyJudged], places: Collection[int]
) -> tuple[int, float]:
    """The numbers of citations that the statements at these positions need, and that count against them.

    Citations at the end of a paragraph count for the statements that they stand for.
    """
    needed, written = 0, 0.0
    lending = {lends for place in places if (lends := lender(statements, place)) is not None}
    for place, (statement, each) in enumerate(zip(statements, judged, strict=True)):
        cited, precise = len(statement.citations), sum(each.precise)
        if place in places:
            needed += precise
            written += cited or BORROWED
        elif place in lending:
            needed += precise
            written += cited
        elif each.role == "supported" or each.role == "aside":
            written += max(0, cited - precise)
        else:
            written += max(cited, 1) + 1
    return needed, written


@register_metric(
    "plain_refusal", keys=("plain_refusal",), profiles=("strict",), needs=("docs", "answers"), default=False
)
def plain_refusal(response: Response, ctx: Context) -> Values:
    """Brevity of a refusal: 1, less a thousandth for each of the first 40 words beside it and a hundredth for each
    further one; 0 for an output that is not a refusal. In [0, 1].
    """
    decision = ctx.read(response).decision
    if decision.outcome != "refused":
        return {"plain_refusal": 0.0}
    few = min(decision.beside, ALLOWANCE)
    return {"plain_refusal": max(0.0, 1 - few / 1_000 - (decision.beside - few) / 100)}
