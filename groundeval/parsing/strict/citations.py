"""The citation grammar of profile `strict` (docs/metrics.md).

A citation is a pair of brackets, `[...]` or `【...】`, that holds only integers of one to three digits, separators,
ranges, and the words doc, document, source, ref (or their plurals). Anything else in brackets is text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PLACE = "\ue000"
"""Stands for a citation while the text around it is read; taken out of the text beforehand."""

_BRACKETS = re.compile(r"[\[【]([^\[\]【】]*)[\]】](?:\((?:https?://|#)[^\s()]*\))?")
_PART = re.compile(
    r"(?P<first>\d{1,3})(?!\d)(?:\s*[-‐‑‒–—]\s*(?P<last>\d{1,3})(?!\d))?"
    r"|(?:documents?|docs?|sources?|refs?)(?![^\W\d_])\s*[.:]?"
    rf"|\s+|[,;&†、，；{_PLACE}]|and(?![^\W\d_])",
    re.IGNORECASE,
)
_GROUP = re.compile(rf"{_PLACE}(?:\s*(?:(?:[,;&]|and\b)\s*)?{_PLACE})+")
_SPACED = re.compile(rf"(?<![ \t])[ \t]*{_PLACE}")
_ENDINGS = tuple(".!?")
"""In `Paris is large. [1].` the last full stop is that of the citation."""
_WIDEST = 100
"""A range of more documents is text: nobody cites so many."""
_NESTING = 4
"""Brackets in brackets are read so deep; deeper ones lose their brackets."""


@dataclass(frozen=True, slots=True)
class Cited:
    """A text without its citations, and where they were."""

    plain: str
    marks: tuple[tuple[int, tuple[int, ...]], ...]
    """For each citation, or run of citations: its offset in `plain` and the 0-based indices, repetitions kept."""


def citations(text: str) -> tuple[int, ...]:
    """0-based document indices of all citations in the text, in order, repetitions kept. `[0]` gives -1."""
    return tuple(index for _, indices in read_citations(text).marks for index in indices)


def remove_citations(text: str) -> str:
    """The text without its citations and without the blanks before them."""
    return read_citations(text).plain


def numbers(content: str) -> tuple[int, ...] | None:
    """The integers that the content of a pair of brackets cites, ranges expanded; None if it is no citation.

    A range that runs backwards is read forwards; one of more than 100 documents makes the whole text.
    """
    found: list[int] = []
    position = 0
    while position < len(content):
        part = _PART.match(content, position)
        if part is None:
            return None
        if part["first"]:
            first, last = int(part["first"]), int(part["last"] or part["first"])
            if abs(last - first) >= _WIDEST:
                return None
            found += range(min(first, last), max(first, last) + 1)
        position = part.end()
    return tuple(found) if found else None


def read_citations(text: str) -> Cited:
    """Take the citations out of a text, remembering where they were and what they cite."""
    text, groups = _marked(text.replace(_PLACE, ""))
    marks: list[tuple[int, tuple[int, ...]]] = []
    parts: list[str] = []
    length = end = 0
    for indices, place in zip(groups, _SPACED.finditer(text), strict=True):
        plain = text[end : place.start()]
        parts.append(plain)
        length += len(plain)
        marks.append((length, indices))
        end = place.end()
        before, after = plain[-1:], text[end : end + 1]
        if before in _ENDINGS and after == ".":
            end += 1
        if before and not before.isspace() and after.isalnum():
            parts.append(" ")
            length += 1
    return Cited("".join([*parts, text[end:]]), tuple(marks))


def _marked(text: str) -> tuple[str, list[tuple[int, ...]]]:
    """The text with a place for every run of citations, and the indices of each."""
    groups: list[tuple[int, ...]] = []
    for _ in range(_NESTING):
        text, groups, changed = _innermost(text, groups)
        if not changed:
            break
    else:
        text = re.sub(r"[\[\]【】]", "", text)
    return _joined(text, groups)


def _innermost(text: str, groups: list[tuple[int, ...]]) -> tuple[str, list[tuple[int, ...]], bool]:
    """Read the brackets that hold no others. Brackets around nothing but citations read before are part of them."""
    known = iter(groups)
    now: list[tuple[int, ...]] = []
    pieces: list[str] = []
    end = 0
    changed = False
    for found in _BRACKETS.finditer(text):
        before, content = text[end : found.start()], found[1]
        now += [next(known) for _ in range(before.count(_PLACE))]
        inner = [next(known) for _ in range(content.count(_PLACE))]
        cited = numbers(content)
        if cited is None and inner and not content.replace(_PLACE, "").strip():
            cited = ()
        pieces.append(before)
        if cited is None:
            pieces.append(found[0])
            now += inner
        else:
            pieces.append(_PLACE)
            now.append((*(index for each in inner for index in each), *(number - 1 for number in cited)))
            changed = True
        end = found.end()
    now += known
    return "".join([*pieces, text[end:]]), now, changed


def _joined(text: str, groups: list[tuple[int, ...]]) -> tuple[str, list[tuple[int, ...]]]:
    """Citations that follow each other, with no more than a comma or an `and` between them, made one."""
    known = iter(groups)
    joined: list[tuple[int, ...]] = []
    pieces: list[str] = []
    end = 0
    for run in _GROUP.finditer(text):
        before = text[end : run.start()]
        joined += [next(known) for _ in range(before.count(_PLACE))]
        joined.append(tuple(index for _ in range(run[0].count(_PLACE)) for index in next(known)))
        pieces += [before, _PLACE]
        end = run.end()
    joined += known
    return "".join([*pieces, text[end:]]), joined
