"""Content words of a text: those that say something about a subject."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from groundeval.parsing.remembered import remembered
from groundeval.parsing.strict.generic import GENERIC
from groundeval.parsing.strict.number_words import LARGE
from groundeval.parsing.strict.vocabulary import NEGATION, TELLING

PIECE = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d[\d.,]*")


def is_english(said: Collection[str]) -> bool:
    return sum(word in GENERIC for word in said) > len(said) / 2


def is_generic(text: str) -> bool:
    """Whether most words of a text are English words that say nothing about a subject."""
    return is_english([word.lower() for word in PIECE.findall(text)])


@remembered(4_096)
def content(text: str) -> Sequence[str]:
    """The content words of a text, lower-cased."""
    return [word for each in PIECE.findall(text) if _has_content(word := each.lower().replace("’", "'"))]


@remembered(16_384)
def _has_content(word: str) -> bool:
    """Whether a word, in small letters, says something about a subject."""
    return not (
        word in GENERIC or word.removesuffix("'s") in GENERIC or TELLING.fullmatch(word) or NEGATION.fullmatch(word)
    )


def beyond(text: str, question: str) -> list[str]:
    """The content words of a text that are not in the question, inflections aside."""
    asked = {word[:4] for word in content(question)}
    return [word for word in content(text) if word[:4] not in asked]


_NAME = re.compile(rf"(?<=[^.!?\s] )[A-Z][\w'’]+|\d+(?:[.,]\d+)*|\b(?:{'|'.join(LARGE)})\b")


def names(text: str, question: str) -> list[str]:
    """The names and figures of a text that are not in the question: what could be an answer to it."""
    return [name for name in _NAME.findall(text) if not is_asked(name, question) and not re.match(r"I['’]", name)]


def is_asked(name: str, question: str) -> bool:
    """Whether the question holds a name or figure, if only in small letters, as people type questions."""
    return name in question or {*PIECE.findall(name.lower())}.issubset(PIECE.findall(question.lower()))


def restates(text: str, question: str) -> bool:
    """Whether a text names at least half of the content words of the question."""
    asked = {word[:4] for word in content(question)}
    said = {word[:4] for word in content(text)}
    return not said or 2 * len(said & asked) >= len(asked)
