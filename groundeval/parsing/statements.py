"""Splitting an output into statements: sentences, or the items of a list."""

from __future__ import annotations

from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1)
def _punkt() -> Any:
    """NLTK's sentence tokenizer with its English parameters, which a package ships: nothing is downloaded."""
    import punkt
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    shipped = punkt.load_model("english")
    parameters = PunktParameters()
    parameters.abbrev_types = set(shipped.abbrev_types)
    parameters.collocations = set(shipped.collocations)
    parameters.sent_starters = set(shipped.sent_starters)
    for token, context in shipped.ortho_context.items():
        parameters.ortho_context[token] = context
    return PunktSentenceTokenizer(parameters)


@lru_cache(maxsize=4_096)
def sentences(text: str) -> tuple[str, ...]:
    """Sentences by NLTK's English Punkt, identical to `nltk.sent_tokenize`; surrounding whitespace is left out."""
    return tuple(_punkt().tokenize(text))


@lru_cache(maxsize=4_096)
def sentence_spans(text: str) -> tuple[tuple[int, int], ...]:
    """The offsets of the sentences: start, and end without surrounding whitespace."""
    return tuple(_punkt().span_tokenize(text))


def list_items(text: str) -> list[str]:
    """The comma-separated items of a list answer, stripped; empty ones are kept (ALCE, QAMPARI).

    The text is right-stripped of whitespace, then of full stops, then of commas. There is always at least one item.
    """
    return [item.strip() for item in text.rstrip().rstrip(".").rstrip(",").split(",")]
