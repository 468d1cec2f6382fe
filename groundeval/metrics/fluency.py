"""MAUVE: similarity of the distributions of outputs and of human answers. Off by default; needs an extra."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence

from groundeval.errors import MissingExtra
from groundeval.metrics.metric import METRICS, Context, Metric
from groundeval.records import Response

MAX_TOKENS = 512
MAX_WORDS = 100


def as_mauve_text(question: str, answer: str) -> str:
    """`question + " " + answer`, its first 100 words, punctuation at the end stripped."""
    return " ".join(f"{question} {answer.strip()}".split()[:MAX_WORDS]).rstrip(string.punctuation)


def mauve(responses: Sequence[Response], ctx: Context) -> Mapping[str, float]:
    """MAUVE between outputs and reference answers, in percent (ALCE: gpt2-large, at most 512 tokens)."""
    try:
        from mauve import compute_mauve
    except ImportError:
        raise MissingExtra("MAUVE", "mauve") from None
    if ctx.models is None:
        raise RuntimeError("MAUVE needs the context's models")
    human = [as_mauve_text(r.example.question, r.example.answer or "") for r in responses]
    model = [as_mauve_text(r.example.question, ctx.read(r).plain) for r in responses]
    result = compute_mauve(
        p_text=human,
        q_text=model,
        featurize_model_name=ctx.models.path("mauve"),
        max_text_length=MAX_TOKENS,
        verbose=False,
    )
    return {"mauve": 100 * float(result.mauve)}


METRICS.add(
    "mauve",
    Metric(
        "mauve",
        score=None,
        columns=(),
        aggregates={},
        profiles=("alce",),
        kinds=("em", "claims"),
        needs=("answer",),
        default=False,
        extra="mauve",
        corpus=mauve,
        description="MAUVE between outputs and reference answers.",
    ),
    __name__,
)
