"""Telling refusals, answers, and texts that are neither from each other, as profile `strict` does."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rapidfuzz.fuzz import partial_ratio_alignment, ratio

from groundeval.parsing.normalize import normalize
from groundeval.parsing.refusal import REFUSAL, REFUSAL_PATTERN, REFUSAL_THRESHOLD
from groundeval.parsing.strict.matching import alias_tokens, holds, tokens
from groundeval.parsing.strict.statements import sentences, words

MIXED_WORDS = 4
"""A statement of so many words beside a refusal is an answer beside it."""

_GOES_ON = """
    to your this that these of in on from for about within among based any anything here unfortunately sorry
    question questions query search results result provided given available supplied retrieved above following
    document documents source sources passage passages context text texts article articles information material
    materials reference references evidence which would could can cannot not unable able was am i im we
    answers answer answered
"""
_CONTINUATION = frozenset(_GOES_ON.split())
"""Words with which a refusal begins, varies and goes on, and which say nothing about the matter."""

_ABOUT = frozenset(["to", "for", "about", "whether", "on", "regarding", "concerning", "as", "of"])
"""Words behind a refusal after which it repeats the question."""
_NAMES_QUESTION = frozenset(["question", "questions", "query"])
_TURNS = frozenset(["but", "however", "though", "although", "yes", "no"])

_NEGATION = re.compile(r"\b(?:c(?:ou?l?d?|a)n\W?t|not?|cannot|unable)\b")
"""In normalised text. Without it the window says that an answer was found; with two of them, too."""

_SPELLING = 70
"""A word of the window is one of the refusal's if it resembles it so much, in percent."""

Outcome = Literal["answered", "refused", "mixed", "void"]
"""What an output does: `mixed`, it refuses and answers; `void`, it holds no statement at all."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What an output does, and how much a refusal says besides."""

    outcome: Outcome
    beside: int = 0
    """Words beside the refusal that say something; a citation counts as a word."""


def decide(text: str, question: str = "", answers: Sequence[Iterable[str]] = ()) -> Decision:
    """Does a text answer, refuse, both or neither.

    It refuses by Trust-Score's test, the best-matching window; but a text shorter than the refusal is compared with it
    as a whole, so that one word of it is no refusal; and the window must hold one negation. Then it is cut out. In the
    sentence that held it, words with which refusals go on say nothing, nor do those of the question where it is
    repeated behind the refusal; the same sentence again is one word. The output is mixed if what is left of some
    statement has a citation or four words, or if a gold answer stands in the text that the question does not hold.
    """
    parts = sentences(text)
    if not parts:
        return Decision("void")
    normalized = [normalize(part.plain) for part in parts]
    window = _window(" ".join(normalized))
    if window is None:
        return Decision("answered")
    asked, refusals = set(tokens(question)), set[str]()
    beside, mixed, end = 0, _tells(text, question, answers), 0
    for part, whole in zip(parts, normalized, strict=True):
        start, end = end, end + len(whole) + 1
        held = window[0] < end - 1 and window[1] > start
        if whole in refusals:
            said = count = 1
        else:
            said = _said(part.plain, window[0] - start, window[1] - start, asked if held else ())
            count = said if held else words(part.plain)
        if held:
            refusals.add(whole)
        mixed = mixed or count >= MIXED_WORDS or bool(part.citations and count)
        beside += said + len(part.citations)
    return Decision("mixed" if mixed else "refused", beside)


def _window(text: str) -> tuple[int, int] | None:
    """Where the refusal is in a normalised text, or None if it is not."""
    refusal = normalize(REFUSAL_PATTERN)
    if len(text) < len(refusal):
        return _negated(text, 0, len(text)) if round(ratio(refusal, text)) > REFUSAL_THRESHOLD else None
    found = partial_ratio_alignment(refusal, text)
    if found is None or round(found.score) <= REFUSAL_THRESHOLD:
        return None
    return _negated(text, found.dest_start, found.dest_end)


def _negated(text: str, start: int, end: int) -> tuple[int, int] | None:
    return (start, end) if len(_NEGATION.findall(text[start:end])) == 1 else None


def _said(sentence: str, start: int, end: int, asked: Container[str]) -> int:
    """The number of words of a sentence that say something, when a window of its normalised text is cut out.

    Words inside the window that are none of the refusal's do. Those of the question, `asked`, say nothing behind "to",
    "about" and the like, as far as the next comma.
    """
    said, position, about, over = 0, 0, False, False
    for written in sentence.split():
        for word in normalize(written).split():
            middle = position + len(word) / 2
            position += len(word) + 1
            if start <= middle < end:
                said += 0 if _is_of_refusal(word) else words(word)
                continue
            over = over or (middle >= end and word in _TURNS)
            about = middle >= end and not over and (about or word in _ABOUT) and word not in _NAMES_QUESTION
            said += 0 if word in _CONTINUATION or (about and word in asked) else words(word)
        over = over or (position > end and written[-1] in ",;:–—")
    return said


@lru_cache(maxsize=4_096)
def _is_of_refusal(word: str) -> bool:
    return any(ratio(word, own) >= _SPELLING for own in normalize(REFUSAL_PATTERN).split())


def _tells(text: str, question: str, answers: Sequence[Iterable[str]]) -> bool:
    """Does the text hold a gold answer whose words are neither those of the question nor of the refusal."""
    said, known = tokens(text), {*tokens(question), *tokens(REFUSAL), *_CONTINUATION}
    telling = [[alias for alias in aliases if not known.issuperset(alias_tokens(alias))] for aliases in answers]
    return any(holds(aliases, said) for aliases in telling)
