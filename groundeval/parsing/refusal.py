"""Refusal detection by fuzzy matching (Trust-Score; docs/metrics.md)."""

from __future__ import annotations

from functools import lru_cache

from rapidfuzz.distance import Indel
from rapidfuzz.distance.Levenshtein import editops
from rapidfuzz.fuzz import partial_ratio

from groundeval.parsing.normalize import normalize
from groundeval.parsing.remembered import remembered

REFUSAL = "I apologize, but I couldn't find an answer to your question in the search results."
"""The sentence that prompts tell a model to give when the documents hold no answer."""

REFUSAL_PATTERN = "I apologize, but I couldn't find an answer"
"""The text that outputs are compared with."""

REFUSAL_THRESHOLD = 85
"""An output refuses if its score is above this, in percent."""


@remembered(4_096)
def refusal_score(text: str) -> float:
    """Similarity of the refusal and the best-matching part of the output: a whole number in [0, 100].

    This is `partial_ratio` of fuzzywuzzy 0.18, which Trust-Score uses. It tries only the windows that begin where the
    matching blocks of one edit script say, while rapidfuzz's function of that name finds the best window of all.
    """
    return float(_partial_ratio(_pattern(), normalize(text)))


def refuses(text: str, threshold: int = REFUSAL_THRESHOLD) -> bool:
    """Whether the output refuses: its score is above the threshold."""
    # The best window of all is an upper bound that is found sooner. Nearly all answers are far below it.
    if text and partial_ratio(_pattern(), normalize(text), score_cutoff=threshold) == 0:
        return False
    return refusal_score(text) > threshold


@lru_cache(maxsize=1)
def _pattern() -> str:
    return normalize(REFUSAL_PATTERN)


def _partial_ratio(first: str, second: str) -> int:
    shorter, longer = sorted((first, second), key=len)
    best = 0.0
    for block in editops(shorter, longer).as_matching_blocks():
        start = max(block.b - block.a, 0)
        score = _ratio(shorter, longer[start : start + len(shorter)])
        if score > _AS_GOOD_AS_EQUAL:
            return 100
        best = max(best, score)
    return round(100 * best)


_AS_GOOD_AS_EQUAL = 0.995


def _ratio(first: str, second: str) -> float:
    """The share of characters of both texts that an insertion and deletion script keeps."""
    length = len(first) + len(second)
    return (length - Indel.distance(first, second)) / length if length else 0.0
