"""Documents and citations whose numbers stand in texts: passages numbered in one text, documents cited by name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from groundeval.tasks.formats.outputs.parts import Part, Parts

if TYPE_CHECKING:
    from groundeval.tasks.formats.outputs.sources import Source

_WORD = r"(?:document|doc|passage|source|context|chunk|excerpt|result)"
_NUMBERED = re.compile(
    rf"^[ \t]*(?:{_WORD}[ \t]*)?\[(?P<bracketed>\d{{1,3}})\]"
    rf"|^[ \t]*{_WORD}[ \t]*#?(?P<plain>\d{{1,3}})(?=[ \t]*(?:[:.)(]|$))",
    re.IGNORECASE | re.MULTILINE,
)
_TITLE = re.compile(r"[ \t]*\(title: (?P<title>[^\n]*?)\)(?=[ \t]*(?:[:.]|$))", re.IGNORECASE | re.MULTILINE)
_TITLE_LINE = re.compile(r"[ \t:]*title: *(?P<title>[^\n]+)\n[ \t]*(?:(?:text|content):)?", re.IGNORECASE)
_ASKED = re.compile(r"^[ \t#*]*(?:user )?(?:question|query)(?:[ \t*]*:[ \t*]*|[ \t*]*$)", re.IGNORECASE | re.MULTILINE)
_ANSWER = re.compile(r"^[ \t#*]*(?:your |final )?answer[ \t*]*:?[ \t*]*$", re.IGNORECASE | re.MULTILINE)
_BLANK = re.compile(r"\n[ \t]*\n")
_NAMED = re.compile(r"\[([^\[\]\n]{3,200})\]")
_LEAST_PREFIX = 6
"""Characters of an id that a short citation of it has at least."""


def passages(text: str) -> list[tuple[str, str]]:
    """Titles and texts of passages that stand in one text, numbered from 1 at the beginnings of lines; else none.

    `[1] ...`, `Document [1](Title: ...): ...`, `Source 1: ...`. Numbers without brackets or a word are items of a list.
    """
    starts = _starts(text)
    if not starts or text[: starts[0].start()].strip():
        return []
    ends = [each.start() for each in starts[1:]] + [len(text)]
    return [_passage(text[start.end() : end]) for start, end in zip(starts, ends, strict=True)]


def apart(parts: Parts) -> Parts:
    """The parts, with passages in the prompt as the documents, if there are no others."""
    asked = parts.get("question")
    if "docs" in parts or asked is None or not isinstance(asked.value, str):
        return parts
    found = question_and_passages(asked.value)
    if found is None:
        return parts
    docs = [{"title": title, "text": text} for title, text in found[1]]
    return {**parts, "question": Part(found[0], asked.field), "docs": Part(docs, asked.field)}


def question_and_passages(prompt: str) -> tuple[str, list[tuple[str, str]]] | None:
    """The question of a prompt and the passages in it; None unless both are clear.

    Clear: passages numbered from 1, and before or after all of them one line that begins with `Question:` or `Query:`.
    Instructions around them are left out. What follows the last passage after an empty line is none of it where no
    other passage has an empty line; where others have, its end is not known.
    """
    prompt = prompt.replace("\r\n", "\n")
    starts, asked = _starts(prompt), list(_ASKED.finditer(prompt))
    if not starts or len(asked) != 1:
        return None
    [label], first, last = asked, starts[0].start(), starts[-1].end()
    if first < label.start() < last:
        return None
    question = prompt[label.end() : first if label.start() < first else len(prompt)]
    listed = prompt[first : label.start() if label.start() >= last else len(prompt)]
    *others, ending = passages(_before_answer(listed))
    question, [title, text] = _paragraph(_before_answer(question)), ending
    if _BLANK.search(text):
        if any(_BLANK.search(other) for _, other in others):
            return None
        text = _paragraph(text)
    return (question, [*others, (title, text)]) if question else None


def _starts(text: str) -> list[re.Match[str]]:
    """Where at least two passages begin that are numbered from 1."""
    starts = list(_NUMBERED.finditer(text))
    numbers = [int(each["bracketed"] or each["plain"]) for each in starts]
    return starts if len(starts) > 1 and numbers == list(range(1, len(starts) + 1)) else []


def _before_answer(text: str) -> str:
    label = _ANSWER.search(text)
    return text if label is None or text[label.end() :].strip() else text[: label.start()]


def _paragraph(text: str) -> str:
    return _BLANK.split(text.strip(), maxsplit=1)[0].strip()


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
