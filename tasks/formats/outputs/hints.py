"""Fields of a record that may hold a part which was not found, for messages: the paths to write after `--map`."""

from __future__ import annotations

import re

from groundeval.tasks.formats.outputs.anywhere import places
from groundeval.tasks.formats.outputs.parts import Data

_MOST = 3
_CITED = re.compile(r"\[\d+\]")
_LEAST_WORDS = 3
_LONG = 400
"""Characters that a question hardly has."""


def paths_that_may_hold(part: str, data: Data) -> list[str]:
    """The paths to the texts most like a question or an output, the likeliest first; at most three."""
    texts: dict[str, str] = {}
    for place in places(data):
        if isinstance(place.value, str) and len(place.value.split()) >= _LEAST_WORDS:
            texts.setdefault(place.exact, place.value)
    likely = _question_first if part == "question" else _output_first
    found = sorted(texts, key=lambda path: likely(texts[path]))
    best = [path for path in found if not likely(texts[path])[0]]
    return (best or found)[:_MOST]


def _question_first(text: str) -> tuple[bool, bool, int]:
    return (not text.rstrip().endswith("?"), len(text) > _LONG, len(text))


def _output_first(text: str) -> tuple[bool, bool, int]:
    return (_CITED.search(text) is None, text.rstrip().endswith("?"), -len(text))
