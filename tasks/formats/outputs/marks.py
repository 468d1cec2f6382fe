"""Converts citations that a tool keeps as spans beside the text into the marks `[n]` that metrics read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from groundeval.parsing.statements import sentence_spans

_STOP = re.compile(r"""[.!?。！？…]+["'”’»)\]]*\s*$""")
_PAUSE = re.compile(r"[,;:]?\s*$")
"""The characters before which a mark is placed: the stop at the end of a sentence, a comma within it, white space."""
_SHOWN = re.compile(r"\s*(?:【[^】]*】|\(?\[[^\]]*\]\((?:https?:)?[^)]*\)\)?|\[\^?\d+\]|\(?https?://\S+\)?)\s*$")
"""A mark that the tool itself put into the text, to which the span points."""


class Span(NamedTuple):
    """A part of a text and the documents that it cites, by position; one without length cites at a point."""

    start: int
    end: int
    cited: Sequence[int]


def with_marks(text: str, spans: Iterable[Span]) -> str:
    """The text with `[n]` for every document that a span cites, in every sentence that the span reaches into.

    A mark is placed at the end of the part that sentence and span share, before the stop that ends the sentence. A span
    that is only a mark of the tool itself is replaced by it. Spans that reach beyond the text are cut to it.
    """
    text, spans = _without_shown(text, [_cut(span, text) for span in spans])
    marks: dict[int, dict[int, None]] = {}
    for span in spans:
        for place in _places(text, span):
            marks.setdefault(place, {}).update(dict.fromkeys(span.cited))
    for place in sorted(marks, reverse=True):
        mark = "".join(f"[{index + 1}]" for index in marks[place])
        blank = " " if mark and text[:place] and not text[:place][-1].isspace() else ""
        text = f"{text[:place]}{blank}{mark}{text[place:]}"
    return text


def _cut(span: Span, text: str) -> Span:
    start = min(max(span.start, 0), len(text))
    return Span(start, min(max(span.end, start), len(text)), span.cited)


def _without_shown(text: str, spans: Sequence[Span]) -> tuple[str, list[Span]]:
    """The text without the marks that spans consist of; each such span becomes a point, and the others are shifted."""
    spans = [_with_brackets(span, text) for span in spans]
    shown = {(span.start, span.end) for span in spans if _SHOWN.fullmatch(text, span.start, span.end)}
    for start, end in sorted(shown, reverse=True):
        before = len(text[:start].rstrip(" \t"))
        text = text[:before] + text[end:]
        spans = [Span(_moved(each.start, before, end), _moved(each.end, before, end), each.cited) for each in spans]
    return text, list(spans)


def _with_brackets(span: Span, text: str) -> Span:
    around = text[span.start - 1 : span.start] + text[span.end : span.end + 1] if span.start else ""
    return Span(span.start - 1, span.end + 1, span.cited) if around == "()" else span


def _moved(place: int, start: int, end: int) -> int:
    """A position, adjusted for the removal of the text between start and end."""
    return place if place <= start else start if place <= end else place - (end - start)


def _places(text: str, span: Span) -> list[int]:
    """The positions of a span's marks: one in every sentence or line that shares a word with it."""
    places = []
    for start, end in _sentences(text):
        first, last = max(start, span.start), min(end, span.end)
        if re.search(r"\w", text[first:last]):
            is_whole = last == end or _STOP.fullmatch(text, last, end) is not None
            places.append(_before(text, first, last, at_end=is_whole))
    return places or [_before(text, 0, span.end, at_end=True)]


def _sentences(text: str) -> list[tuple[int, int]]:
    return [
        (start + line.start(), start + line.end())
        for start, end in sentence_spans(text)
        for line in re.finditer(r"[^\n]+", text[start:end])
    ]


def _before(text: str, start: int, end: int, *, at_end: bool) -> int:
    stop = _STOP.search(text, start, end) if at_end else None
    found = stop or _PAUSE.search(text, start, end)
    return end if found is None else found.start()
