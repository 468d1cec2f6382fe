"""Answering and refusing (Trust-Score, grounded refusal; docs/metrics.md)."""

from __future__ import annotations

from groundeval.metrics.metric import METRICS, Context, Metric, Values, register_metric
from groundeval.records import Response
from groundeval.stats.bootstrap import Aggregate, Array, Table, count_of, harmonic, mean_of, ratio

ANSWERABLE, ANSWERED = "answerable", "answered"


@register_metric(
    "answering",
    keys=("answered", "refused", "answerable", "unanswerable", "length"),
    aggregates={
        "num_samples": count_of(),
        "answered_ratio": Aggregate(lambda t: t.mean(ANSWERED), column=ANSWERED, decimals=2),
        "answered_num": count_of(ANSWERED),
        "answerable_num": count_of(ANSWERABLE),
        "overlapped_num": count_of((ANSWERED, ANSWERABLE)),
        "regular_length": mean_of("length", unit="number"),
        "answered_length": mean_of("length", ANSWERED, unit="number"),
    },
    profiles=("trust", "strict"),
    needs=("docs", "answers"),
)
def answering(response: Response, ctx: Context) -> Values:
    """Whether the documents answer the question, whether the output answered or refused (0 or 1 each), and the number
    of words of the output without citations."""
    reading = ctx.read(response)
    answerable = response.example.answerable
    return {
        "answered": float(reading.answered),
        "refused": float(reading.refused),
        "answerable": float(answerable),
        "unanswerable": float(not answerable),
        "length": float(len(reading.plain.split())),
    }


def decisions(response: Response, ctx: Context) -> Values:
    """Whether the output answered or refused (0 or 1 each); its words without citations. Needs no gold answer."""
    reading = ctx.read(response)
    return {
        "answered": float(reading.answered),
        "refused": float(reading.refused),
        "length": float(len(reading.plain.split())),
    }


for _profile, _needs in (("trust", ("docs",)), ("strict", ())):
    register_metric(
        f"decisions_{_profile}",
        keys=("answered", "refused", "length"),
        aggregates={
            "num_samples": count_of(),
            "answered_ratio": Aggregate(lambda t: t.mean(ANSWERED), column=ANSWERED, decimals=2),
            "answered_num": count_of(ANSWERED),
            "refused_ratio": mean_of("refused"),
            "regular_length": mean_of("length", unit="number"),
            "answered_length": mean_of("length", ANSWERED, unit="number"),
        },
        profiles=(_profile,),
        needs=_needs,
        instead_of="answering",
    )(decisions)


def recall(truth: str, decision: str) -> Aggregate:
    """Of the samples that are `truth`, the share decided as `decision`."""
    return mean_of(decision, where=truth)


def precision(truth: str, decision: str) -> Aggregate:
    """Of the samples decided as `decision`, the share that are `truth`."""
    return mean_of(truth, where=decision)


def f1(truth: str, decision: str) -> Aggregate:
    """Harmonic mean of `recall` and `precision`."""

    def value(table: Table) -> Array:
        return harmonic(table.mean(decision, truth), table.mean(truth, decision))

    return Aggregate(value)


def macro_average(table: Table) -> Array:
    """Mean of the recalls of both classes."""
    return (table.mean("refused", "unanswerable") + table.mean("answered", "answerable")) / 2


def macro_f1(table: Table) -> Array:
    """F1_GR: mean of the F1 of both classes."""
    return (f1("unanswerable", "refused").value(table) + f1("answerable", "answered").value(table)) / 2


def refusal_accuracy(table: Table) -> Array:
    """Share of samples where refused = not answerable (not in Trust-Score)."""
    right = table.count(("refused", "unanswerable")) + table.count(("answered", "answerable"))
    return ratio(right, table.count())


METRICS.add(
    "refusal",
    Metric(
        "refusal",
        score=None,
        columns=(),
        aggregates={
            "refuse_rec": recall("unanswerable", "refused"),
            "refuse_prec": precision("unanswerable", "refused"),
            "refuse_f1": f1("unanswerable", "refused"),
            "answerable_rec": recall("answerable", "answered"),
            "answerable_prec": precision("answerable", "answered"),
            "answerable_f1": f1("answerable", "answered"),
            "macro_avg": Aggregate(macro_average),
            "macro_f1": Aggregate(macro_f1),
            "refusal_accuracy": Aggregate(refusal_accuracy),
        },
        profiles=("trust", "strict"),
        needs=("docs", "answers"),
        uses=("answering",),
        description="Both classes of the table answerable x answered; F1_GR is `macro_f1`.",
    ),
    __name__,
)
