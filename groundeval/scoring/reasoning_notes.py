"""Notes on reasoning tags that are a guess: from a model's name, or from the form of a text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from groundeval.errors import option
from groundeval.parsing.reasoning import ReasoningTags
from groundeval.records import Response


def note_on_named_tags(tags: ReasoningTags) -> str:
    """The note on a run whose tags only the model's name shows."""
    return (
        f"reasoning is read by {_shown(tags)}, which the model's name suggests; to name it: "
        f"{option('reasoning_tags', tags.words)}, or {option('reasoning_tags', 'none')}"
    )


def notes_on_guessed_tags(responses: Iterable[Response]) -> list[str]:
    """A note for all outputs whose form shows other tags than the usual ones, with their number by tags."""
    outputs, found = 0, Counter[ReasoningTags]()
    for response in responses:
        outputs += response.status != "error"
        if response.guessed is not None:
            found[response.guessed] += 1
    if not found:
        return []
    by_tags = ", ".join(f"{_shown(tags)} ({count})" for tags, count in found.most_common())
    first = found.most_common(1)[0][0]
    return [
        f"{found.total()} of {outputs} outputs are read by reasoning tags that their form shows: {by_tags}. This is a "
        f"guess; to name the tags: {option('reasoning_tags', first.words)}, or {option('reasoning_tags', 'none')}"
    ]


def _shown(tags: ReasoningTags) -> str:
    return "the channels of gpt-oss" if tags == ReasoningTags.harmony() else f"{tags.think_open} {tags.think_close}"
