"""Calibrated correctness (Trust-Score; docs/metrics.md), and the Trust-Score itself.

The calibrated score of a sample counts only the gold answers that its documents support, and is 0 where the question
is unanswerable or the output refuses. It is averaged over the answered samples (A) and over the answerable ones (B);
F1_AC is the harmonic mean of the two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from groundeval.metrics.correctness import LIST_COLUMNS, list_values
from groundeval.metrics.gold import entails_claim
from groundeval.metrics.lists import TOP, list_text, normalized_items, ratio
from groundeval.metrics.metric import METRICS, Context, Metric, Values, register_metric
from groundeval.metrics.reading import Reading
from groundeval.metrics.refusal import macro_f1
from groundeval.parsing.normalize import normalized_document, present
from groundeval.records import Document, Example, Response
from groundeval.stats.bootstrap import Aggregate, Array, Table, Unit, complete_mean_of, harmonic, mean_of

A, B = "answered", "answerable"
CLAIMS_A = "claims_answered"
"""A in the correctness of claim tasks: chosen by the refusal of the citation-free output, as in the original."""


def calibrated_f1(column: str, answered: str = A) -> Aggregate:
    """F1_AC: harmonic mean of a calibrated column's means over A, the rows marked `answered`, and over B."""

    def value(table: Table) -> Array:
        return harmonic(table.mean(column, answered), table.mean(column, B))

    return Aggregate(value)


def parametric(column: str, grounded: str, answered: str = A) -> Aggregate:
    """Parametric knowledge: the mean over A, less the part that the documents support."""

    def value(table: Table) -> Array:
        return complete_mean_of(column, answered).value(table) - table.mean(grounded, answered)

    return Aggregate(value, column=column, where=answered)


def calibrated_means(column: str, answered: str = A, unit: Unit = "percent") -> dict[str, Aggregate]:
    """A column over all samples and over A, and its calibrated form over A and over B."""
    return {
        f"regular_{column}": complete_mean_of(column, unit=unit),
        f"answered_{column}": complete_mean_of(column, answered, unit),
        f"calib_answered_{column}": mean_of(f"calib_{column}", answered, unit=unit),
        f"calib_answerable_{column}": mean_of(f"calib_{column}", B, unit=unit),
    }


def shares(found: Sequence[bool], example: Example, counts: bool) -> tuple[float, float, float]:
    """Shares of gold answers found in an output: found of all; supported and found of supported; supported and found
    of all. The last two are 0 unless the sample `counts`: answerable, and not refused."""
    hits = sum(f and s for f, s in zip(found, example.supported, strict=False)) if counts else 0
    return ratio(sum(found), len(found)), ratio(hits, sum(example.supported)), ratio(hits, len(found))


def counts_as_answer(reading: Reading) -> bool:
    """Whether the question is answerable and the citation-free output is not a refusal."""
    return reading.response.example.answerable and not reading.plainly_refused


@register_metric(
    "calibrated_em",
    keys=("str_em", "calib_str_em", "grounded_str_em"),
    aggregates={
        **calibrated_means("str_em"),
        "calib_str_em_f1": calibrated_f1("calib_str_em"),
        "parametric_str_em": parametric("str_em", "grounded_str_em"),
    },
    profiles=("trust",),
    kinds=("em",),
    needs=("docs", "answers"),
    uses=("answering",),
)
def calibrated_em(response: Response, ctx: Context) -> Values:
    """EM recall of all gold answers, of the supported ones (calibrated), and supported ones found of all; in [0, 1].

    The first is None for an example without gold answers.
    """
    reading = ctx.read(response)
    found = [present(aliases, reading.normalized) for aliases in response.example.answers or ()]
    whole, calibrated, grounded = shares(found, response.example, counts_as_answer(reading))
    return {"str_em": whole if found else None, "calib_str_em": calibrated, "grounded_str_em": grounded}


@register_metric(
    "calibrated_claims",
    keys=("claims_nli", "calib_claims_nli", "grounded_claims_nli", CLAIMS_A),
    aggregates={
        **calibrated_means("claims_nli", CLAIMS_A),
        "calib_claims_nli_f1": calibrated_f1("calib_claims_nli", CLAIMS_A),
        "parametric_answered_claims_nli": parametric("claims_nli", "grounded_claims_nli", CLAIMS_A),
    },
    profiles=("trust",),
    kinds=("claims",),
    needs=("docs", "answers"),
    uses=("answering",),
    nli=True,
)
async def calibrated_claims(response: Response, ctx: Context) -> Values:
    """As `calibrated_em`, with "entailed by the citation-free output" instead of "present in it". In [0, 1]."""
    reading = ctx.read(response)
    answers, premise = response.example.answers or (), reading.claims_premise
    found = await asyncio.gather(*(entails_claim(premise, answer, ctx, source="output") for answer in answers))
    whole, calibrated, grounded = shares(found, response.example, counts_as_answer(reading))
    return {
        "claims_nli": whole,
        "calib_claims_nli": calibrated,
        "grounded_claims_nli": grounded,
        CLAIMS_A: float(not reading.plainly_refused),
    }


def list_means(answered: str = A) -> dict[str, Aggregate]:
    """`calibrated_means` of every value that a list answer has."""
    aggregates: dict[str, Aggregate] = {}
    for column in LIST_COLUMNS:
        aggregates |= calibrated_means(column, answered, "number" if column.endswith("num_preds") else "percent")
    return aggregates


def _list_aggregates() -> dict[str, Aggregate]:
    return {
        **list_means(),
        "calib_qampari_em_f1": calibrated_f1("calib_qampari_f1_top5"),
        "parametric_qampari_rec_top5": parametric("qampari_rec_top5", "grounded_qampari_rec_top5"),
        "qampari_presence": mean_of("qampari_presence", A),
        "qampari_absence": mean_of("qampari_absence", A),
    }


@register_metric(
    "calibrated_list",
    keys=(
        *LIST_COLUMNS,
        *(f"calib_{column}" for column in LIST_COLUMNS),
        "grounded_qampari_rec_top5",
        "qampari_presence",
        "qampari_absence",
    ),
    aggregates=_list_aggregates(),
    profiles=("trust",),
    kinds=("list",),
    needs=("docs", "answers"),
    uses=("answering",),
)
def calibrated_list(response: Response, ctx: Context) -> Values:
    """List scores against all gold answers and against the supported ones (calibrated), and the share of wrong
    predictions that are in the documents; in [0, 1]."""
    example, reading = response.example, ctx.read(response)
    answers = example.answers or ()
    supported = [answer for answer, held in zip(answers, example.supported, strict=False) if held]
    counts = counts_as_answer(reading)
    items = normalized_items(list_text(reading.plain, ctx.cot))
    predicted = [item for item in items if item]
    regular = list_values(predicted, answers)
    calibrated = list_values(predicted, supported if counts else [[""]])
    hits = round((calibrated["qampari_rec"] or 0.0) * len(supported)) if counts else 0
    presence = wrong_predictions_present(items, supported, example.docs or ())
    return {
        **regular,
        **{f"calib_{column}": value for column, value in calibrated.items()},
        "grounded_qampari_rec_top5": ratio(min(TOP, hits), min(TOP, len(answers))),
        "qampari_presence": presence,
        "qampari_absence": None if presence is None else 1 - presence,
    }


def wrong_predictions_present(
    items: Sequence[str], supported: Sequence[Sequence[str]], docs: Sequence[Document]
) -> float | None:
    """Share of the wrong predictions that are present in some document's text; None where no prediction is wrong.

    A prediction is a stripped item that is not empty before normalisation; it is wrong if no alias of a supported
    gold answer is present in it. One that normalises to nothing is present in every document.
    """
    wrong = [item for item in items if not any(present(aliases, item) for aliases in supported)]
    if not wrong:
        return None
    texts = [normalized_document(document.text) for document in docs]
    return sum(any(item in text for text in texts) for item in wrong) / len(wrong)


TRUST_CORRECTNESS = {"em": "calib_str_em", "list": "calib_qampari_f1_top5", "claims": "calib_claims_nli"}


def trust_score(column: str, answered: str = A) -> Aggregate:
    """Mean of F1_AC (with its own set A), F1_GR and the citation F1 over the answered samples."""

    def value(table: Table) -> Array:
        citation = harmonic(table.mean("citation_rec", A), table.mean("citation_prec", A))
        return (calibrated_f1(column, answered).value(table) + macro_f1(table) + citation) / 3

    return Aggregate(value)


for _kind, _correctness in (("em", "calibrated_em"), ("list", "calibrated_list"), ("claims", "calibrated_claims")):
    METRICS.add(
        f"trust_score_{_kind}",
        Metric(
            f"trust_score_{_kind}",
            score=None,
            columns=(),
            aggregates={
                "trust_score": trust_score(TRUST_CORRECTNESS[_kind], CLAIMS_A if _kind == "claims" else A),
            },
            profiles=("trust",),
            kinds=(_kind,),  # type: ignore[arg-type]
            needs=("docs", "answers"),
            uses=("answering", _correctness, "grounded_citation"),
            nli=True,
            description="Mean of F1_AC, F1_GR and citation F1.",
        ),
        __name__,
    )
