"""Documents and citations whose numbers stand in texts: passages numbered in one text, documents cited by name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from groundeval.tasks.formats.outputs.sources import Source

WORD = r"(?:document|doc|passage|source|context|chunk|excerpt|result)"
_NUMBERED = re.compile(
    rf"^[ \t]*(?:{WORD}[ \t]*)?\[(?P<bracketed>\d{{1,3}})\]"
    rf"|^[ \t]*{WORD}[ \t]*#?(?P<plain>\d{{1,3}})(?=[ \t]*(?:[:.)(]|$))",
    re.IGNORECASE | re.MULTILINE,
)
_TITLE = re.compile(r"[ \t]*\(title: (?P<title>[^\n]*?)\)(?=[ \t]*(?:[:.]|$))", re.IGNORECASE | re.MULTILINE)
_TITLE_LINE = re.compile(r"[ \t:]*title: *(?P<title>[^\n]+)\n[ \t]*(?:(?:text|content):)?", re.IGNORECASE)
_NAMED = re.compile(r"\[([^\[\]\n]{3,200})\]")
_LEAST_PREFIX = 6
"""Characters of an id that a short citation of it has at least."""


def passages(text: str) -> list[tuple[str, str]]:
    """Titles and texts of passages that stand in one text, numbered from 1 at the beginnings of lines; else none.

    `[1] ...`, `Document [1](Title: ...): ...`, `Source 1: ...`. Numbers without brackets or a word are items of a list.
    """
    starts = numbered_starts(text)
    if not starts or text[: starts[0].start()].strip():
        return []
    ends = [each.start() for each in starts[1:]] + [len(text)]
    return [_passage(text[start.end() : end]) for start, end in zip(starts, ends, strict=True)]


def numbered_starts(text: str) -> list[re.Match[str]]:
    """Where at least two passages begin that are numbered from 1."""
    starts = list(_NUMBERED.finditer(text))
    numbers = [int(each["bracketed"] or each["plain"]) for each in starts]
    return starts if len(starts) > 1 and numbers == list(range(1, len(starts) + 1)) else []


def _passage(text: str) -> tuple[str, str]:
    titled = _TITLE.match(text) or _TITLE_LINE.match(text)
    said = text if titled is None else text[titled.end() :]
    return "" if titled is None else titled["title"].strip(), said.lstrip(" \t:.)").strip()


def with_numbers(text: str, sources: Sequence[Source]) -> str:
    """The text with `[n]` for every mark that names documents: `[guide.pdf]`, `[a1b2c3d]` for an id that begins so.

    A mark of which any part names no document, or several, stays as it is.
    """
    whole: dict[str, int | None] = {}
    for place, each in enumerate(sources):
        for name in each.keys:
            whole[name] = place if whole.get(name, place) == place else None
    return _NAMED.sub(lambda mark: _numbers(mark[1], whole) or mark[0], text) if whole else text


def _numbers(mark: str, whole: Mapping[str, int | None]) -> str:
    places = []
    for part in [mark] if mark in whole else re.split(r"[,;]\s*", mark):
        place = _named(part.strip(), whole)
        if place is None:
            return ""
        places.append(place)
    return "".join(f"[{place + 1}]" for place in places)


def _named(name: str, whole: Mapping[str, int | None]) -> int | None:
    if name.isdecimal():
        return None
    if name in whole:
        return whole[name]
    if len(name) < _LEAST_PREFIX or any(map(str.isspace, name)):
        return None
    begun = {place for known, place in whole.items() if known.startswith(name)}
    return begun.pop() if len(begun) == 1 else None
