"""Passages in prompts: beside the question in one message, or in what the system was told before it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from groundeval.tasks.formats.outputs.anywhere import places
from groundeval.tasks.formats.outputs.conversations import SYSTEM, is_conversation, role_of, turn_text
from groundeval.tasks.formats.outputs.numbered import WORD, numbered_starts, passages
from groundeval.tasks.formats.outputs.parts import Data, Part, Parts, objects
from groundeval.tasks.formats.outputs.roles import words
from groundeval.tasks.formats.outputs.tagged import Passages, elements_of, tagged
from groundeval.tasks.formats.outputs.texts import text_of

_ASKED = re.compile(r"^[ \t#*]*(?:user )?(?:question|query)(?:[ \t*]*:[ \t*]*|[ \t*]*$)", re.IGNORECASE | re.MULTILINE)
_ANSWER = re.compile(r"^[ \t#*]*(?:your |final )?answer[ \t*]*:?[ \t*]*$", re.IGNORECASE | re.MULTILINE)
_BLANK = re.compile(r"\n[ \t]*\n")
_ASKS = re.compile(r"[?？؟][\s\"'”’»)*]*$")
_LONG = 400
"""Characters that a question hardly has."""
_HEADING = re.compile(rf"\b{WORD}s?\b[^\n]*:[ \t*]*$|^[ \t]*#+[^\n]*\b{WORD}s?\b[^\n]*$", re.IGNORECASE)
"""A line that says that passages follow."""

Docs = list[dict[str, str]]


def apart(parts: Parts) -> Parts:
    """The parts, with passages in the prompt as the documents, if there are no others."""
    asked = parts.get("question")
    if "docs" in parts or asked is None or not isinstance(asked.value, str):
        return parts
    found = question_and_passages(asked.value)
    if found is None:
        return parts
    return {**parts, "question": Part(found[0], asked.field), "docs": Part(found[1], asked.field)}


def has_passages(data: Data) -> bool:
    """Whether the question of a record, or what the system was told, holds passages."""
    question = data.get("question")
    in_question = isinstance(question, str) and question_and_passages(question) is not None
    return in_question or any(standing_passages(text) for _, text in _told(data))


def with_told(parts: Parts, data: Data) -> Parts:
    """The parts, with passages that the system was told as the documents; the user's message is the question."""
    said = parts["output"].value if "output" in parts else None
    for field, text in _told(data):
        docs = standing_passages(text) if text != said else []
        if docs:
            asked = parts.get("question")
            labelled = _labelled(asked.value) if asked is not None and isinstance(asked.value, str) else None
            question = {} if asked is None or labelled is None else {"question": Part(labelled, asked.field)}
            return {**parts, **question, "docs": Part(docs, field)}
    return parts


def _told(data: Data) -> Iterator[tuple[str, str]]:
    """The texts of a record that told the system what to do, with their fields."""
    for place in places(data):
        if is_conversation(place.value):
            texts = [turn_text(turn) for turn in objects(place.value) if role_of(turn) in SYSTEM]
        else:
            name = words(place.path[-1])
            texts = [text_of(place.value)] if "system" in name or name[-1:] == ("instructions",) else []
        for text in texts:
            if text:
                yield place.shown, text


def question_and_passages(prompt: str) -> tuple[str, Docs] | None:
    """The question of a prompt and the passages in it; None unless both are clear.

    Clear passages are those between tags (`tagged`), and those that are numbered from 1. A clear question is a line
    that begins with `Question:` or `Query:`, before or after all passages and the only one; with tags also the only
    element `<question>`, or all the text after the last tag, if it is one short paragraph that asks. Instructions are
    left out.
    """
    prompt = prompt.replace("\r\n", "\n")
    between = tagged(prompt)
    if between is None:
        return _numbered(prompt)
    question = _question_beside(between)
    return (question, between.docs) if question else None


def standing_passages(text: str) -> Docs:
    """The passages in a text that asks nothing; none unless it is clear that they are passages.

    `[1]` without a word begins one where the line before the first says so, or where nothing stands before it: rules
    are numbered, too.
    """
    text = text.replace("\r\n", "\n")
    between = tagged(text)
    if between is not None:
        return between.docs
    starts = numbered_starts(text)
    if not starts:
        return []
    before = text[: starts[0].start()].rstrip()
    is_named = re.search(r"[^\W\d]", starts[0][0]) or not before or _HEADING.search(before.rpartition("\n")[2][-_LONG:])
    return _ended(passages(text[starts[0].start() :])) or [] if is_named else []


def _numbered(prompt: str) -> tuple[str, Docs] | None:
    starts, asked = numbered_starts(prompt), list(_ASKED.finditer(prompt))
    if not starts or len(asked) != 1:
        return None
    [label], first, last = asked, starts[0].start(), starts[-1].end()
    if first < label.start() < last:
        return None
    question = _paragraph(_before_answer(prompt[label.end() : first if label.start() < first else len(prompt)]))
    listed = prompt[first : label.start() if label.start() >= last else len(prompt)]
    docs = _ended(passages(_before_answer(listed)))
    return (question, docs) if question and docs else None


def _ended(found: list[tuple[str, str]]) -> Docs | None:
    """The passages with the end of the last; None where it is not known.

    What follows the last passage after an empty line is none of it where no other passage has an empty line.
    """
    *others, (title, text) = found
    if _BLANK.search(text):
        if any(_BLANK.search(other) for _, other in others):
            return None
        text = _paragraph(text)
    return [{"title": title, "text": text} for title, text in [*others, (title, text)]]


def _question_beside(found: Passages) -> str | None:
    """The question in the text around passages."""
    outside = (found.before, found.after)
    named = [text for part in outside for text in elements_of(part, "question", "query")]
    labelled = [text for part in outside for text in _all_labelled(part)]
    if named or labelled:
        return [*named, *labelled][0] if len(named) + len(labelled) == 1 else None
    after = _before_answer(found.after).strip()
    said = after or found.before.strip()
    return said if _ASKS.search(said) and len(said) <= _LONG and not _BLANK.search(said) else None


def _labelled(text: str) -> str | None:
    """What the only line asks that begins with `Question:`."""
    found = _all_labelled(text)
    return found[0] or None if len(found) == 1 else None


def _all_labelled(text: str) -> list[str]:
    return [_paragraph(_before_answer(text[label.end() :])) for label in _ASKED.finditer(text)]


def _before_answer(text: str) -> str:
    label = _ANSWER.search(text)
    return text if label is None or text[label.end() :].strip() else text[: label.start()]


def _paragraph(text: str) -> str:
    return _BLANK.split(text.strip(), maxsplit=1)[0].strip()
