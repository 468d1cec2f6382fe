"""A metric of its own."""

from __future__ import annotations

from groundeval.metrics.metric import Context, Values, register_metric
from groundeval.records import Response


@register_metric("shouting", keys=("shouting",), default=False)
def shouting(response: Response, ctx: Context) -> Values:
    """Share of a response's letters that are capitals, in [0, 1]; None for a response without letters."""
    letters = [letter for letter in response.text if letter.isalpha()]
    return {"shouting": sum(letter.isupper() for letter in letters) / len(letters) if letters else None}
