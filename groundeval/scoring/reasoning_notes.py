"""Notes on reasoning tags that are a guess: from a model's name, or from the form of a text."""

from __future__ import annotations

from collections import Counter

from groundeval.errors import option
from groundeval.parsing.reasoning import ReasoningTags
from groundeval.records import Response


def note_on_named_tags(tags: ReasoningTags) -> str:
    """The note on a run whose tags only the model's name shows."""
    return (
        f"reasoning is read by {_shown(tags)}, which the model's name suggests; to name it: "
        f"{option('reasoning_tags', tags.words)}, or {option('reasoning_tags', 'none')}"
    )


class GuessedTags:
    """Counts the outputs whose form shows other tags than the usual ones, by tags."""

    def __init__(self) -> None:
        self._outputs, self._found = 0, Counter[ReasoningTags]()
        self._first: dict[ReasoningTags, int] = {}

    def add(self, response: Response, position: int) -> None:
        """Count a response; `position` is its place in the data, in which responses need not come."""
        self._outputs += response.status != "error"
        if (tags := response.guessed) is not None:
            self._found[tags] += 1
            self._first[tags] = min(position, self._first.get(tags, position))

    def notes(self) -> list[str]:
        """One note for all such outputs, most frequent tags first."""
        if not self._found:
            return []
        ordered = sorted(self._found.items(), key=lambda each: (-each[1], self._first[each[0]]))
        by_tags = ", ".join(f"{_shown(tags)} ({count})" for tags, count in ordered)
        first = ordered[0][0]
        return [
            f"{self._found.total()} of {self._outputs} outputs are read by reasoning tags that their form shows: "
            f"{by_tags}. This is a guess; to name the tags: {option('reasoning_tags', first.words)}, or "
            f"{option('reasoning_tags', 'none')}"
        ]


def _shown(tags: ReasoningTags) -> str:
    return "the channels of gpt-oss" if tags == ReasoningTags.harmony() else f"{tags.think_open} {tags.think_close}"
