"""Telling a refusal from an answer (Trust-Score; docs/metrics.md)."""

from __future__ import annotations

from functools import lru_cache

from rapidfuzz.fuzz import partial_ratio

from groundeval.parsing.normalize import normalize

REFUSAL = "I apologize, but I couldn't find an answer to your question in the search results."
"""What a model is asked to say when the documents hold no answer."""

REFUSAL_PATTERN = "I apologize, but I couldn't find an answer"
"""What an output is compared with."""

REFUSAL_THRESHOLD = 85
"""An output refuses if its score is above this, in percent."""


@lru_cache(maxsize=4_096)
def refusal_score(text: str) -> float:
    """Fuzzy match of the output with the refusal, in [0, 100]: the best-matching window of the longer text."""
    return partial_ratio(normalize(REFUSAL_PATTERN), normalize(text))


def refuses(text: str, threshold: int = REFUSAL_THRESHOLD) -> bool:
    """Does the output refuse: is its score, rounded to an integer, above the threshold."""
    return round(refusal_score(text)) > threshold
