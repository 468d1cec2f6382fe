"""The headline of profile `strict`: mean of correctness, refusal and citation scores."""

from __future__ import annotations

from groundeval.metrics.calibrated import calibrated_f1
from groundeval.metrics.citation import citation_f1
from groundeval.metrics.metric import METRICS, Metric
from groundeval.metrics.refusal import macro_f1
from groundeval.metrics.strict.outcome import ATTEMPTED
from groundeval.stats.bootstrap import Aggregate, Array, Table


def strict_score(table: Table) -> Array:
    """Mean of the F1 of correctness over A and B, F1_GR, and the citation F1 over A."""
    correctness = calibrated_f1("correctness", ATTEMPTED).value(table)
    return (correctness + macro_f1(table) + citation_f1(ATTEMPTED).value(table)) / 3


for _kind, _correctness in (("em", "strict_em"), ("list", "strict_list"), ("claims", "strict_claims")):
    METRICS.add(
        f"strict_score_{_kind}",
        Metric(
            f"strict_score_{_kind}",
            score=None,
            columns=(),
            aggregates={"trust_score": Aggregate(strict_score)},
            profiles=("strict",),
            kinds=(_kind,),  # type: ignore[arg-type]
            needs=("docs", "answers"),
            uses=("answering", "strict_outcome", _correctness, "strict_citation"),
            nli=True,
            description="Mean of correctness F1, F1_GR and citation F1.",
        ),
        __name__,
    )
