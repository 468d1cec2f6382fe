"""Splitting an output into statements: sentences, or the items of a list."""

from __future__ import annotations

from groundeval.parsing.punkt import spans
from groundeval.parsing.remembered import remembered


@remembered(4_096)
def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a text by English Punkt, as `nltk.sent_tokenize` gave them before NLTK 3.10.2; without
    surrounding whitespace."""
    return tuple(text[start:end] for start, end in spans(text))


@remembered(4_096)
def sentence_spans(text: str) -> tuple[tuple[int, int], ...]:
    """The offsets of the sentences: start, and end without surrounding whitespace."""
    return tuple(spans(text))


def list_items(text: str) -> list[str]:
    """The comma-separated items of a list answer, stripped; empty ones are kept (ALCE, QAMPARI).

    The text is right-stripped of whitespace, then of full stops, then of commas. There is always at least one item.
    """
    return [item.strip() for item in text.rstrip().rstrip(".").rstrip(",").split(",")]
