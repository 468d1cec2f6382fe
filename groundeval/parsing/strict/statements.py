"""The statements of an answer as profile `strict` splits it: sentences or list items, each with its citations.

The text is split where no citation can be in the way, and each citation then goes to the statement that it stands in,
or that it follows: a citation after the full stop belongs to the sentence before it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from groundeval.parsing.statements import sentence_spans
from groundeval.parsing.strict.citations import read_citations
from groundeval.parsing.strict.visible import HIDDEN

_LINE = re.compile(r"[^\n]+")
_LIST_MARK = re.compile(r"[ \t]*(?:(?:[-*•+]|#{1,6}|>|\(?\d{1,2}[.)])[ \t]+)*")
_ITEM = re.compile(r"[^,;\n]+")
_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = rf"[^\W_{_CJK}]"
_WORD = re.compile(rf"[{_CJK}]|{_RUN}+(?:[.,]\d+)*(?:['’]{_RUN}{{1,2}}(?!{_RUN}))?")

Span = tuple[int, int]


class Part(NamedTuple):
    """One statement: its text without citations, and what it cites."""

    plain: str
    """Ends with the mark `HIDDEN` if something is hidden behind it."""
    citations: tuple[int, ...]
    """0-based indices in order of appearance, repetitions kept; unchecked."""


@lru_cache(maxsize=1_024)
def sentences(text: str) -> tuple[Part, ...]:
    """Sentences by NLTK's English Punkt, line by line; marks of lists and headings at the start of a line are dropped.

    A sentence without a letter or digit is none: its citations go to the sentence before it. Citations before the
    first sentence go to the first.
    """
    return _split(text, _sentence_spans)


@lru_cache(maxsize=1_024)
def items(text: str) -> tuple[Part, ...]:
    """The items of a list answer, which commas, semicolons and line ends separate; a full stop at an end is dropped."""
    return _split(text, _item_spans)


def words(text: str) -> int:
    """The number of words: runs of letters and digits, whatever stands between them; each character of Chinese and
    Japanese is one."""
    return sum(1 for _ in _WORD.finditer(text))


def _split(text: str, spans_of: Callable[[str], Iterable[Span]]) -> tuple[Part, ...]:
    cited = read_citations(text)
    spans = [(start, end) for start, end in spans_of(cited.plain) if any(map(str.isalnum, cited.plain[start:end]))]
    if not spans:
        return ()
    starts = [start for start, _ in spans]
    texts = [cited.plain[start:end].strip() for start, end in spans]
    found: list[list[int]] = [[] for _ in spans]
    for offset, indices in cited.marks:
        found[_owner(starts, offset)] += indices
    for mark in re.finditer(HIDDEN, cited.plain):
        owner = _owner(starts, mark.start())
        texts[owner] += "" if HIDDEN in texts[owner] else HIDDEN
    return tuple(Part(text, tuple(indices)) for text, indices in zip(texts, found, strict=True))


def _owner(starts: Sequence[int], offset: int) -> int:
    """The last statement that starts before an offset, or the first one."""
    return max(0, bisect_left(starts, offset) - 1)


def _sentence_spans(plain: str) -> Iterable[Span]:
    for line in _LINE.finditer(plain):
        mark = _LIST_MARK.match(line[0])
        skip = mark.end() if mark else 0
        for start, end in sentence_spans(line[0][skip:]):
            yield line.start() + skip + start, line.start() + skip + end


def _item_spans(plain: str) -> Iterable[Span]:
    for item in _ITEM.finditer(plain):
        mark = _LIST_MARK.match(item[0])
        start, end = item.start() + (mark.end() if mark else 0), item.end()
        yield start, start + len(plain[start:end].rstrip().rstrip(".").rstrip())
