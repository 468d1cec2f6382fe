"""The recognised shapes of records, the more specific before the more general."""

from __future__ import annotations

from collections.abc import Iterable

from groundeval.tasks.formats.outputs import (
    anthropic,
    anywhere,
    bedrock,
    cited_sentences,
    cohere,
    gemini,
    haystack,
    langchain,
    llamaindex,
    mistral,
    named,
    openai,
    perplexity,
    spans,
    trulens,
)
from groundeval.tasks.formats.outputs.parts import Data, Shape

SHAPES: tuple[Shape, ...] = (
    anthropic.SHAPE,
    cohere.SHAPE,
    gemini.SHAPE,
    bedrock.SHAPE,
    perplexity.SHAPE,
    mistral.SHAPE,
    cited_sentences.SHAPE,
    spans.SHAPE,
    llamaindex.SHAPE,
    haystack.SHAPE,
    langchain.SHAPE,
    trulens.SHAPE,
    openai.SHAPE,
    named.DEEPEVAL,
    named.RAGAS,
    named.TABLE,
    anywhere.SHAPE,
)


def shape_of(records: Iterable[Data]) -> Shape | None:
    """The most specific shape that any of these records has: an answer that cites nothing looks like a plain one."""
    known = list(records)
    return next((shape for shape in SHAPES if any(map(shape.fits, known))), None)
