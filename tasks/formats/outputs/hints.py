"""Fields of a record that may hold the parts which were not found, for messages: the paths to write after `--map`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from groundeval.tasks.formats.outputs.anywhere import places
from groundeval.tasks.formats.outputs.conversations import is_conversation
from groundeval.tasks.formats.outputs.parts import Data
from groundeval.tasks.formats.outputs.unfolded import numbered_columns, series

_CITED = re.compile(r"\[\d+\]")
_LEAST_WORDS = 3
_LONG = 400
"""Characters that a question hardly has."""
_UNKNOWN = "FIELD"


def likely_fields(lacking: Collection[str], data: Data, taken: Collection[str] = ()) -> dict[str, str]:
    """The paths to what is most like the lacking ones of question, output and documents, each another field.

    A question or an output that nothing is left for is named `FIELD`; documents are optional. `taken`: fields that are
    other parts.
    """
    texts: dict[str, str] = {}
    lists: dict[str, Any] = dict(numbered_columns(data))
    for place in places({name: value for name, value in data.items() if series(str(name)) not in lists}):
        if isinstance(place.value, str) and place.value.strip():
            texts.setdefault(place.exact, place.value)
        elif isinstance(place.value, list) and not is_conversation(place.value):
            lists.setdefault(place.exact, place.value)
    chosen: dict[str, str] = {}
    if "docs" in lacking:
        holding = [path for path, items in lists.items() if _are_passages(items)]
        if holding:
            chosen["docs"] = max(holding, key=lambda path: len(lists[path]))
    taken = {*taken, *chosen.values()}
    inside = tuple(f"{path}{joint}" for path in taken for joint in ("[", "."))
    free = {path: text for path, text in texts.items() if path not in taken and not path.startswith(inside)}
    # An output is known by its citations, a question by its question mark: the surer of the two is chosen first.
    for part, rank in sorted(_RANKS.items(), key=lambda each: all(each[1](text)[0] for text in free.values())):
        if part in lacking:
            chosen[part] = min(free, key=lambda path: rank(free[path]), default=_UNKNOWN)
            free.pop(chosen[part], None)
    return {part: chosen[part] for part in ("question", "output", "docs") if part in chosen}


def _as_question(text: str) -> tuple[int, int]:
    marked = text.rstrip().endswith(("?", "？", "؟"))
    short = len(text) <= _LONG and len(text.split()) >= _LEAST_WORDS
    return 0 if marked else 1 if short else 2, len(text)


def _as_output(text: str) -> tuple[int, int]:
    return (0 if _CITED.search(text) else 2 if text.rstrip().endswith("?") else 1), -len(text)


_RANKS = {"output": _as_output, "question": _as_question}


def _are_passages(items: Iterable[Any]) -> bool:
    """Whether all are texts of some words, or objects that hold one."""
    found = [
        max((text for text in each.values() if isinstance(text, str)), key=len, default="")
        if isinstance(each, Mapping)
        else each
        for each in items
    ]
    return bool(found) and all(isinstance(text, str) and len(text.split()) >= _LEAST_WORDS for text in found)
