"""Converts citations that a tool keeps as spans beside the text into the marks `[n]` that metrics read."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, islice
from typing import NamedTuple

from groundeval.parsing.statements import sentence_spans
from groundeval.tasks.formats.outputs.parts import Misfit

_STOPS, _CLOSING, _PAUSES = ".!?。！？…", "\"'”’»)]", ",;:"
"""The characters before which a mark is placed: the stop at the end of a sentence with what closes it, a comma."""
_STOP = re.compile(r"""[.!?。！？…]+["'”’»)\]]*\s*$""")
_SHOWN = re.compile(r"【[^】]*】|\(?\[[^\]]*\]\((?:https?:)?[^)]*\)\)?|\[\^?\d+\]|\(?https?://\S+\)?")
"""A mark that the tool itself put into the text, to which the span points."""
_LONGEST_SHOWN = 4_096
"""Characters of such a mark: an address may be long."""
_MOST_STEPS, _STEPS_OF_MARK = 10_000_000, 50
"""Characters that are looked at for the marks of one text, a mark counted as many: real ones need a hundredth."""


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
    marking = _Marking(text)
    marks: dict[int, dict[int, None]] = {}
    for span in spans:
        for place in marking.places(span):
            marks.setdefault(place, {}).update(dict.fromkeys(span.cited))
    parts, at = list[str](), 0
    for place in sorted(marks):
        mark = "".join(f"[{index + 1}]" for index in marks[place])
        parts += [text[at:place], " " if mark and place and not text[place - 1].isspace() else "", mark]
        at = place
    return "".join([*parts, text[at:]])


def _cut(span: Span, text: str) -> Span:
    start = min(max(span.start, 0), len(text))
    return Span(start, min(max(span.end, start), len(text)), span.cited)


def _without_shown(text: str, spans: Sequence[Span]) -> tuple[str, list[Span]]:
    """The text without the marks that spans consist of; each such span becomes a point, and the others are shifted."""
    spans = [_with_brackets(span, text) for span in spans]
    starts, ends = [0], [0]
    for start, end in sorted({(span.start, span.end) for span in spans}):
        if end - start > _LONGEST_SHOWN or not _SHOWN.fullmatch(text[start:end].strip()):
            continue
        if start > ends[-1]:
            while start > ends[-1] and text[start - 1] in " \t":
                start -= 1
            starts.append(start)
            ends.append(end)
        else:
            ends[-1] = max(end, ends[-1])
    removed = [0, *accumulate(end - start for start, end in zip(starts, ends, strict=True))]

    def moved(place: int) -> int:
        number = bisect_left(starts, place, 1) - 1
        return place - removed[number] - (min(place, ends[number]) - starts[number])

    kept = zip(ends, [*starts[1:], len(text)], strict=True)
    return "".join(text[end:start] for end, start in kept), [
        Span(moved(each.start), moved(each.end), each.cited) for each in spans
    ]


def _with_brackets(span: Span, text: str) -> Span:
    around = text[span.start - 1 : span.start] + text[span.end : span.end + 1] if span.start else ""
    return Span(span.start - 1, span.end + 1, span.cited) if around == "()" else span


class _Marking:
    """Where the marks of spans go in a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._sentences = [
            (start + line.start(), start + line.end())
            for start, end in sentence_spans(text)
            for line in re.finditer(r"[^\n]+", text[start:end])
        ]
        self._ends = [end for _, end in self._sentences]
        self._known: dict[tuple[int, int], int | None] = {}
        """The positions of marks in parts of sentences."""
        self._left = _MOST_STEPS

    def places(self, span: Span) -> list[int]:
        """The positions of a span's marks: one in every sentence or line that shares a word with it.

        Raises Misfit for spans that would take hours.
        """
        places = list[int]()
        for start, end in islice(self._sentences, bisect_right(self._ends, span.start), None):
            first, last = max(start, span.start), min(end, span.end)
            if first >= last:
                break
            self._spend(_STEPS_OF_MARK)
            if (first, last) not in self._known:
                self._known[first, last] = self._place_in(first, last, end)
            place = self._known[first, last]
            places += [] if place is None else [place]
        return places or [self._before(0, span.end, at_end=True)]

    def _place_in(self, first: int, last: int, end: int) -> int | None:
        """The position of a mark for a part of the sentence that ends at `end`; None for one without a word."""
        self._spend(last - first)
        if not re.search(r"\w", self._text[first:last]):
            return None
        is_whole = last == end or _STOP.fullmatch(self._text, last, end) is not None
        return self._before(first, last, at_end=is_whole)

    def _before(self, start: int, end: int, *, at_end: bool) -> int:
        """The end of what is said between two places: without white space, and the stop or comma after it."""
        end = self._back(start, end, str.isspace)
        if at_end:
            closed = self._back(start, end, _CLOSING.__contains__)
            stopped = self._back(start, closed, _STOPS.__contains__)
            if stopped < closed:
                return stopped
        return end - (end > start and self._text[end - 1] in _PAUSES)

    def _back(self, start: int, end: int, passes: Callable[[str], bool]) -> int:
        """The place after the last character before `end` that does not pass."""
        place = end
        while place > start and passes(self._text[place - 1]):
            place -= 1
        self._spend(end - place)
        return place

    def _spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise Misfit("citations", len(self._text), "spans that reach into fewer sentences of a text so long")
