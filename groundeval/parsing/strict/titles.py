"""Citations by title: `(Measuring mountains)` at the end of a clause, in a text that cites in no other way."""

from __future__ import annotations

import re
from collections.abc import Sequence

from groundeval.parsing.strict.citations import read_citations

_BEFORE = re.compile(r"[(\[](?:source:\s*)?[\"“]?$", re.IGNORECASE)
_AFTER = re.compile(r"[\"”]?[)\]](?=\s*(?:[.,;!?(\[\n]|$))")


def with_titles_read(text: str, titles: Sequence[str]) -> str:
    """The text with bracketed titles of documents at the end of a clause replaced by bracketed numbers."""
    if "(" not in text and "[" not in text:
        return text
    lowered = text.lower()
    numbers = {title.strip().lower(): number for number, title in reversed([*enumerate(titles, 1)]) if title.strip()}
    found: list[tuple[int, int, int]] = []
    for title, number in numbers.items():
        place = lowered.find(title)
        while place >= 0:
            before = _BEFORE.search(text[max(0, place - 12) : place])
            after = _AFTER.match(text, place + len(title))
            if before and after:
                found.append((place - len(before[0]), after.end(), number))
            place = lowered.find(title, place + len(title))
    if not found or len(lowered) != len(text) or read_citations(text).marks:
        return text
    pieces, end = list[str](), 0
    for first, last, number in sorted(found):
        pieces += [text[end:first], f"[{number}]"]
        end = last
    return "".join([*pieces, text[end:]])
