"""Correctness under profile `strict`: calibrated recall of gold answers, and the share of the answer that gives them.

Every gold answer counts once, in the first statement that contains it. An output that is not a plain answer scores 0.
"""

from __future__ import annotations

from groundeval.metrics.calibrated import (
    B,
    calibrated_f1,
    calibrated_means,
    list_means,
    parametric,
)
from groundeval.metrics.correctness import LIST_COLUMNS
from groundeval.metrics.lists import TOP, f1, ratio
from groundeval.metrics.metric import Context, Values, register_metric
from groundeval.metrics.strict.gold import Brought, brought, shares_brought
from groundeval.metrics.strict.judging import judged_statements
from groundeval.metrics.strict.outcome import ATTEMPTED
from groundeval.metrics.strict.usefulness import useful
from groundeval.records import Response
from groundeval.stats.bootstrap import Aggregate, mean_of

CORRECTNESS = ("useful", "correctness")
CORRECTNESS_AGGREGATES: dict[str, Aggregate] = {
    "answered_useful": mean_of("useful", ATTEMPTED),
    "answered_correctness": mean_of("correctness", ATTEMPTED),
    "answerable_correctness": mean_of("correctness", B),
    "correctness_f1": calibrated_f1("correctness", ATTEMPTED),
}


async def answers_brought(response: Response, ctx: Context) -> Brought:
    """The gold answers that a plain answer gives, and the statements that give them; none for any other output."""
    reading = ctx.read(response)
    return await brought(reading, ctx) if reading.answered else {}


def supported_only(bringing: Brought, response: Response) -> Brought:
    """The gold answers given that the documents support."""
    supported = response.example.supported
    return {part: place for part, place in bringing.items() if part.gold < len(supported) and supported[part.gold]}


async def _recall_and_correctness(response: Response, ctx: Context, column: str) -> Values:
    reading, bringing = ctx.read(response), await answers_brought(response, ctx)
    supported = supported_only(bringing, response)
    hits = sum(shares_brought(supported, reading))
    judged = await judged_statements(response, ctx)
    gold, share = len(response.example.answers or ()), useful(supported, judged, reading) if judged else 0.0
    calibrated = ratio(hits, sum(response.example.supported))
    return {
        column: ratio(sum(shares_brought(bringing, reading)), gold),
        f"calib_{column}": calibrated,
        f"grounded_{column}": ratio(hits, gold),
        "useful": share,
        "correctness": f1(share, calibrated),
    }


@register_metric(
    "strict_em",
    keys=("str_em", "calib_str_em", "grounded_str_em", *CORRECTNESS),
    aggregates={
        **calibrated_means("str_em", ATTEMPTED),
        "calib_str_em_f1": calibrated_f1("calib_str_em", ATTEMPTED),
        "parametric_str_em": parametric("str_em", "grounded_str_em", ATTEMPTED),
        **CORRECTNESS_AGGREGATES,
    },
    profiles=("strict",),
    kinds=("em",),
    needs=("docs", "answers"),
    uses=("answering", "strict_outcome"),
    nli=True,
)
async def strict_em(response: Response, ctx: Context) -> Values:
    """EM recall on token boundaries, of all and of supported gold answers; share of statements that give one;
    `correctness`, the F1 of the last two. In [0, 1]."""
    return await _recall_and_correctness(response, ctx, "str_em")


@register_metric(
    "strict_claims",
    keys=("claims_nli", "calib_claims_nli", "grounded_claims_nli", *CORRECTNESS),
    aggregates={
        **calibrated_means("claims_nli", ATTEMPTED),
        "calib_claims_nli_f1": calibrated_f1("calib_claims_nli", ATTEMPTED),
        "parametric_answered_claims_nli": parametric("claims_nli", "grounded_claims_nli", ATTEMPTED),
        **CORRECTNESS_AGGREGATES,
    },
    profiles=("strict",),
    kinds=("claims",),
    needs=("docs", "answers"),
    uses=("answering", "strict_outcome"),
    nli=True,
)
async def strict_claims(response: Response, ctx: Context) -> Values:
    """As `strict_em`, with claims that the output and one of its statements entail, sentence by sentence of a claim.
    In [0, 1]."""
    return await _recall_and_correctness(response, ctx, "claims_nli")


@register_metric(
    "strict_list",
    keys=(
        *LIST_COLUMNS,
        *(f"calib_{column}" for column in LIST_COLUMNS),
        "grounded_qampari_rec_top5",
        *CORRECTNESS,
    ),
    aggregates={
        **list_means(ATTEMPTED),
        "calib_qampari_em_f1": calibrated_f1("calib_qampari_f1_top5", ATTEMPTED),
        "parametric_qampari_rec_top5": parametric("qampari_rec_top5", "grounded_qampari_rec_top5", ATTEMPTED),
        **CORRECTNESS_AGGREGATES,
    },
    profiles=("strict",),
    kinds=("list",),
    needs=("docs", "answers"),
    uses=("answering", "strict_outcome"),
    nli=True,
)
async def strict_list(response: Response, ctx: Context) -> Values:
    """List scores in which an item counts only if it gives a gold answer not listed before. In [0, 1].

    `correctness` is the calibrated F1 with the recall of all supported gold answers, not of five of them.
    """
    bringing = await answers_brought(response, ctx)
    supported = supported_only(bringing, response)
    answers, reading = response.example.answers or (), ctx.read(response)
    judged = await judged_statements(response, ctx)
    items = sum(each.role != "aside" for each in judged)
    share = useful(supported, judged, reading) if judged else 0.0
    calibrated = list_columns(supported, sum(response.example.supported), items)
    return {
        **list_columns(bringing, len(answers), items),
        **{f"calib_{column}": value for column, value in calibrated.items()},
        "grounded_qampari_rec_top5": ratio(min(TOP, len(supported)), min(TOP, len(answers))),
        "useful": share,
        "correctness": f1(share, calibrated["qampari_rec"] or 0.0),
    }


def list_columns(bringing: Brought, gold: int, items: int) -> Values:
    """List scores of `items` items that give some of `gold` gold answers, under the names of docs/metrics.md."""
    prec = min(1.0, ratio(len(bringing), items))
    rec = ratio(len(bringing), gold)
    top = ratio(min(TOP, len(bringing)), min(TOP, gold))
    return dict(zip(LIST_COLUMNS, (float(items), prec, rec, top, f1(prec, rec), f1(prec, top)), strict=True))
