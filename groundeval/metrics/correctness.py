"""Correctness under the ALCE protocol: length, EM recall, ROUGE, list scores, claim recall (docs/metrics.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from groundeval.metrics.lists import list_scores, list_text, predictions
from groundeval.metrics.metric import Context, Values, register_metric
from groundeval.metrics.rouge import rouge_lsum
from groundeval.parsing.normalize import present
from groundeval.records import Response
from groundeval.stats.bootstrap import complete_mean_of, mean_of

LIST_COLUMNS = ("num_preds", "qampari_prec", "qampari_rec", "qampari_rec_top5", "qampari_f1", "qampari_f1_top5")


@register_metric(
    "length", keys=("length",), aggregates={"length": mean_of("length", unit="number")}, profiles=("alce",)
)
def length(response: Response, ctx: Context) -> Values:
    """Number of whitespace-separated words of the output without citations."""
    return {"length": float(len(ctx.read(response).plain.split()))}


@register_metric(
    "str_em",
    keys=("str_em", "str_hit"),
    aggregates={"str_em": complete_mean_of("str_em"), "str_hit": mean_of("str_hit")},
    profiles=("alce",),
    kinds=("em",),
    needs=("qa_pairs",),
)
def str_em(response: Response, ctx: Context) -> Values:
    """EM recall: share of the gold short answers that are present in the output; `str_hit`: 1 if all are.

    Both in [0, 1]. Without gold answers `str_hit` is 0 and the recall undefined: None.
    """
    pairs = response.example.qa_pairs or ()
    text = ctx.read(response).normalized
    found = [present(pair.short_answers, text) for pair in pairs]
    if not found:
        return {"str_em": None, "str_hit": 0.0}
    return {"str_em": sum(found) / len(found), "str_hit": float(all(found))}


@register_metric("rouge", keys=("rougeLsum",), profiles=("alce",), kinds=("em", "claims"), needs=("references",))
def rouge(response: Response, ctx: Context) -> Values:
    """ROUGE-Lsum F-measure with stemming against the better of the reference answers, in [0, 1]."""
    references = response.example.references
    return {"rougeLsum": rouge_lsum(ctx.read(response).plain, references) if references else None}


@register_metric(
    "qampari",
    keys=LIST_COLUMNS,
    aggregates={key: mean_of(key, unit="number" if key == "num_preds" else "percent") for key in LIST_COLUMNS},
    profiles=("alce",),
    kinds=("list",),
    needs=("answers",),
)
def qampari(response: Response, ctx: Context) -> Values:
    """Precision, recall and F1 of the listed items against the gold answers, in [0, 1], and the number of items."""
    predicted = predictions(list_text(ctx.read(response).plain, ctx.cot))
    return list_values(predicted, response.example.answers or ())


def list_values(predicted: Sequence[str], gold: Sequence[Sequence[str]]) -> Values:
    """`list_scores` under the names of docs/metrics.md."""
    scores = list_scores(predicted, gold)
    return dict(zip(LIST_COLUMNS, map(float, scores), strict=True))


@register_metric(
    "claims", keys=("claims_nli",), profiles=("alce",), needs=("claims",), bonus_for=("em", "list"), nli=True
)
async def claims(response: Response, ctx: Context) -> Values:
    """Claim recall: share of the gold claims that the output without citations entails, in [0, 1]."""
    asked = response.example.claims or ()
    if not asked:
        return {"claims_nli": None}
    premise = ctx.read(response).claims_premise
    entailed = await asyncio.gather(*(ctx.entails(premise, claim, source="output") for claim in asked))
    return {"claims_nli": sum(entailed) / len(entailed)}
