"""Choice and grouping of the metrics in a table; the files beside the page hold all metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from groundeval.leaderboard.entries import Entry

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Overall", ("trust_score",)),
    (
        "Correctness",
        (
            "str_em", "str_hit", "QA-F1", "rougeLsum", "mauve", "claims_nli", "qampari_prec", "qampari_rec_top5",
            "qampari_f1_top5", "calib_str_em_f1", "calib_qampari_em_f1", "calib_claims_nli_f1", "correctness_f1",
        ),
    ),
    (
        "Citations",
        (
            "citation_rec", "citation_prec", "citation_f1", "answered_citation_rec", "answered_citation_prec",
            "answered_citation_f1",
        ),
    ),
    ("Refusal", ("answered_ratio", "mixed_ratio", "void_ratio", "macro_f1")),
    ("Format", ("format", "tag_count")),
    ("Length", ("length", "answered_length")),
)  # fmt: skip
"""Keys by topic. A headline key that is in no group comes first, in its own group."""

NAMES = {
    "trust_score": "Trust-Score",
    "str_em": "EM recall",
    "str_hit": "EM hit",
    "rougeLsum": "ROUGE-L",
    "mauve": "MAUVE",
    "claims_nli": "claim recall",
    "qampari_prec": "precision",
    "qampari_rec_top5": "recall-5",
    "qampari_f1_top5": "F1-5",
    "calib_str_em_f1": "F1 correct",
    "calib_qampari_em_f1": "F1 correct",
    "calib_claims_nli_f1": "F1 correct",
    "citation_rec": "recall",
    "citation_prec": "precision",
    "citation_f1": "F1",
    "answered_citation_rec": "recall",
    "answered_citation_prec": "precision",
    "answered_citation_f1": "F1",
    "answered_ratio": "answered",
    "correctness_f1": "F1 correct",
    "mixed_ratio": "mixed",
    "void_ratio": "void",
    "macro_f1": "F1 refusal",
    "answered_length": "words",
    "length": "words",
}
"""Headings of columns; the key itself is in the tooltip and in the files."""


@dataclass(frozen=True, slots=True)
class Column:
    """One metric of a table."""

    key: str
    name: str
    group: str
    top: float
    """The end of the whiskers' scale: 100 for percentages, else the largest value."""


def columns_of(entries: Sequence[Entry]) -> list[Column]:
    """The columns of a table: headline keys of no group, then the keys of the groups that some entry has."""
    present = {key for entry in entries for key in entry.metrics}
    grouped = {key for _, keys in GROUPS for key in keys}
    headline = dict.fromkeys(key for entry in entries for key in entry.headline if key not in grouped)
    groups = (("Headline", tuple(headline)), *GROUPS)
    return [
        Column(key, NAMES.get(key, key), group, _top(entries, key))
        for group, keys in groups
        for key in keys
        if key in present
    ]


def _top(entries: Sequence[Entry], key: str) -> float:
    highest = 0.0
    for entry in entries:
        if key in entry.metrics:
            metric = entry.metrics[key]
            highest = max(highest, metric.value or 0.0, metric.ci95[1] if metric.ci95 else 0.0)
    return 100.0 if key not in ("length", "answered_length") and highest <= 100 else highest or 1.0
