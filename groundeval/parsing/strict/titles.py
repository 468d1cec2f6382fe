"""Titles of documents in an answer: citations by title, `(Measuring mountains)` at the end of a clause, if the text
cites by nothing else; and a list of titles at its end, which names what the numbers stand for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from groundeval.parsing.strict.citations import read_citations
from groundeval.parsing.strict.sources import SOURCE

_BEFORE = re.compile(
    rf"[(\[](?:source:\s*|(?:(?:{SOURCE})[ \t]+)?(?P<number>\d{{1,2}})[ \t]*[,:;.–—-]?[ \t]*)?[\"“]?$", re.IGNORECASE
)
_AFTER = re.compile(r"[\"”]?(?:,[ \t]*(?:\w+[ \t]+)?\d{1,2})?[)\]](?=\s*(?:[.,;!?(\[\n]|$))")


def with_titles_read(text: str, titles: Sequence[str]) -> str:
    """The text with bracketed titles of documents at the end of a clause replaced by bracketed numbers."""
    if "(" not in text and "[" not in text:
        return text
    text = _with_list_marked(text, titles)
    lowered = text.lower()
    numbers = {title.strip().lower(): number for number, title in reversed([*enumerate(titles, 1)]) if title.strip()}
    found, numbered = list[tuple[int, int, int]](), list[tuple[int, int, int]]()
    for title, number in numbers.items():
        place = lowered.find(title)
        while place >= 0:
            before = _BEFORE.search(text[max(0, place - 24) : place])
            after = _AFTER.match(text, place + len(title))
            if before and after and before["number"] in (None, str(number)):
                found.append((place - len(before[0]), after.end(), number))
                numbered += [found[-1]] if before["number"] else []
            place = lowered.find(title, place + len(title))
    if not found or len(lowered) != len(text):
        return text
    if read_citations(text).marks:
        found = numbered
    pieces, end = list[str](), 0
    for first, last, number in sorted(found):
        pieces += [text[end:first], f"[{number}]"]
        end = last
    return "".join([*pieces, text[end:]])


_ENTRY = re.compile(
    rf"[ \t]*(?:[-*•][ \t]+|\d{{1,2}}[.)][ \t]+)?"
    rf"(?:\[\^?(?P<number>\d{{1,3}})\]|(?:{SOURCE})[ \t]+\[?(?P<named>\d{{1,3}})\]?)"
    r"[ \t]*[:.,–—-]?[ \t]*(?P<title>[^\n]+)",
    re.IGNORECASE,
)


def _with_list_marked(text: str, titles: Sequence[str]) -> str:
    """The text whose last lines, if each names a document by its number and title, are notes: `[^2]: Document`."""
    lines = text.rstrip().split("\n")
    start = len(lines)
    while start and (not lines[start - 1].strip() or _entry(lines[start - 1], titles) is not None):
        start -= 1
    if start == len(lines) or not read_citations("\n".join(lines[:start])).marks:
        return text
    notes = (_entry(line, titles) for line in lines[start:])
    return "\n".join([*lines[:start], "", *(f"[^{number}]: Document" for number in notes if number is not None)])


def _entry(line: str, titles: Sequence[str]) -> int | None:
    """The number of the document that a line names by number and title, or None if it says anything else."""
    if (found := _ENTRY.fullmatch(line)) is None:
        return None
    number = int(found["number"] or found["named"])
    named = found["title"].strip(" \t*_\"“”'().,").lower()
    return number if 0 < number <= len(titles) and named == titles[number - 1].strip(" .").lower() else None
