"""Precision and recall of a list answer (QAMPARI, as ALCE defines them). Fractions in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from groundeval.parsing.normalize import normalize, normalized_alias
from groundeval.parsing.statements import list_items

Gold = Sequence[Sequence[str]]
"""Gold answers, each a list of aliases."""

TOP = 5
"""The number of gold answers that suffice for a full `rec_top5`."""


class ListScores(NamedTuple):
    """Scores of one list answer."""

    num_preds: int
    prec: float
    rec: float
    rec_top5: float
    f1: float
    f1_top5: float


def list_text(plain: str, cot: bool) -> str:
    """The list in the output: with `cot` the text after the first colon, empty if there is none."""
    return plain.partition(":")[2] if cot else plain


def normalized_items(text: str) -> list[str]:
    """The non-empty items of a list answer, normalised; some of them to nothing."""
    return [normalize(item) for item in list_items(text) if item]


def predictions(text: str) -> list[str]:
    """The normalised items of a list answer; those that normalise to nothing are dropped, duplicates are kept."""
    return [item for item in normalized_items(text) if item]


def list_scores(predicted: Sequence[str], gold: Gold) -> ListScores:
    """Precision: share of predictions equal to some alias. Recall: share of gold answers with an alias predicted."""
    aliases = [{normalized_alias(alias) for alias in answer} for answer in gold]
    known = set().union(*aliases)
    found = set(predicted)
    prec = ratio(sum(item in known for item in predicted), len(predicted))
    hits = sum(not found.isdisjoint(answer) for answer in aliases)
    rec = ratio(hits, len(gold))
    rec_top5 = ratio(min(TOP, hits), min(TOP, len(gold)))
    return ListScores(len(predicted), prec, rec, rec_top5, f1(prec, rec), f1(prec, rec_top5))


def f1(prec: float, rec: float) -> float:
    """Harmonic mean, 0 if both are 0."""
    return ratio(2 * prec * rec, prec + rec)


def ratio(numerator: float, denominator: float) -> float:
    """A ratio; 0 where the denominator is 0."""
    return numerator / denominator if denominator else 0.0
