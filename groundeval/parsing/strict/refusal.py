"""Telling refusals, answers, and texts that are neither from each other, as profile `strict` does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rapidfuzz.fuzz import ratio

from groundeval.parsing.normalize import normalize
from groundeval.parsing.refusal import REFUSAL, REFUSAL_PATTERN, REFUSAL_THRESHOLD
from groundeval.parsing.strict import wording
from groundeval.parsing.strict.marks import HIDDEN
from groundeval.parsing.strict.matching import alias_tokens, holds, tokens
from groundeval.parsing.strict.statements import Part, sentences, words

Outcome = Literal["answered", "refused", "mixed", "void"]
"""What an output does: `mixed`, it refuses and answers; `void`, it holds no statement at all."""
Saying = Literal["refusal", "lack", "aside", "claim"]
"""What a sentence does: `refusal`, it says that the question is not answered; `lack`, that something else is not to be
found; `aside`, it says nothing on the matter; `claim`, anything else."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What an output does, and how much a refusal says besides."""

    outcome: Outcome
    beside: int = 0
    """Words beside the refusal."""


def decide(text: str, question: str = "", answers: Sequence[Iterable[str]] = ()) -> Decision:
    """Does a text answer, refuse, both or neither.

    Sentence by sentence, clause by clause: it refuses if some clause says that there is no answer, and none claims
    anything. What the documents are about, and words to the reader, are no claims beside a refusal. With claims it is
    mixed, unless the refusals are of something that the question does not ask: then they complete an answer. A gold
    answer that the question does not hold, something hidden, a supposition or an exception are claims.
    """
    parts = [part for part in sentences(text) if part.kind == "claim"]
    if not parts:
        return Decision("void")
    sayings = [_saying(part, question) for part in parts]
    if not {"refusal", "lack"} & {*sayings}:
        return Decision("answered")
    others = [(part, saying) for part, saying in zip(parts, sayings, strict=True) if saying == "claim"]
    claims = [part for part, _ in others if part.citations or not _is_beside(part.plain, question)]
    beside = sum(words(part.plain) for part, saying in zip(parts, sayings, strict=True) if saying in ("aside", "claim"))
    beside += sum(
        _said_besides(part.plain) for part, saying in zip(parts, sayings, strict=True) if saying in ("refusal", "lack")
    )
    beside += sum(len(part.citations) for part in parts)
    if not claims and not _tells(text, question, answers) and HIDDEN not in text:
        return Decision("refused", beside)
    if not claims or "refusal" in sayings:
        return Decision("mixed", beside)
    return Decision("answered")


def refuses_to_say(clause: str) -> bool:
    """Does a clause say that something is not to be found."""
    return any(map(wording.is_refusing, wording.clauses(clause)))


def is_aside(text: str, question: str) -> bool:
    """Does a sentence without citations say nothing on the matter, or only what is not to be found."""
    if wording.is_courtesy(text, question) or wording.says_nothing(text, question):
        return True
    own = list(wording.clauses(text))
    return any(map(wording.is_refusing, own)) and all(
        wording.is_refusing(clause) or not wording.beyond(clause, question) for clause in own
    )


@lru_cache(maxsize=4_096)
def _saying(part: Part, question: str) -> Saying:
    text = part.plain
    if _is_canonical(text):
        return "refusal"
    own = list(wording.clauses(text))
    refusing = [clause for clause in own if wording.is_refusing(clause, cited=bool(part.citations))]
    if not refusing:
        if not part.citations and (
            wording.is_courtesy(text, question) or (wording.says_nothing(text, question) and words(text) > 1)
        ):
            return "aside"
        return "claim"
    rest = [clause for clause in own if clause not in refusing]
    if any(wording.guesses(clause, question) for clause in own):
        return "claim"
    if any(not _is_beside(clause, question) for clause in rest):
        return "claim"
    whole = " ".join(refusing)
    return "refusal" if not wording.beyond(whole, question) and wording.restates(whole, question) else "lack"


def _is_beside(clause: str, question: str) -> bool:
    """May a clause stand beside a refusal: it says nothing, speaks to the reader, or says what the documents are about."""
    if wording.is_courtesy(clause, question) or wording.is_about_documents(clause):
        return True
    return not wording.beyond(clause, question) and words(clause) > 1 or _is_join(clause)


def _is_join(clause: str) -> bool:
    return not wording.content(clause) and not re.fullmatch(r"\W*(?:yes|no)\W*", clause, re.IGNORECASE)


def _said_besides(sentence: str) -> int:
    """Words of a refusing sentence that are no part of its refusing clauses."""
    if _is_canonical(sentence):
        return 0
    return sum(
        words(clause)
        for clause in wording.clauses(sentence)
        if not wording.is_refusing(clause) and wording.content(clause)
    )


@lru_cache(maxsize=4_096)
def _is_canonical(sentence: str) -> bool:
    """Is a sentence the refusal that Trust-Score's prompts ask for, or nearly."""
    said = normalize(sentence)
    return (
        len(said) < 2 * len(REFUSAL) and "not find" not in said and ratio(normalize(REFUSAL), said) > REFUSAL_THRESHOLD
    )


def _tells(text: str, question: str, answers: Sequence[Iterable[str]]) -> bool:
    """Does the text hold a gold answer whose words are neither those of the question nor of the refusal."""
    said, known = tokens(text), {*tokens(question), *tokens(REFUSAL), *tokens(REFUSAL_PATTERN)}
    telling = [
        [alias for alias in aliases if not known.issuperset(alias_tokens(alias)) and wording.content(alias)]
        for aliases in answers
    ]
    return any(holds(aliases, said) for aliases in telling)
