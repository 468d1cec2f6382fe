"""What a sentence says about answering: there is no answer, something else is lacking, nothing at all, or a claim."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from rapidfuzz.fuzz import ratio

from groundeval.parsing.normalize import normalize
from groundeval.parsing.refusal import REFUSAL, REFUSAL_THRESHOLD
from groundeval.parsing.remembered import remembered
from groundeval.parsing.strict import wording
from groundeval.parsing.strict.content import beyond, content, restates
from groundeval.parsing.strict.frames import is_unreal
from groundeval.parsing.strict.lacking import denies_nothing
from groundeval.parsing.strict.part import Part
from groundeval.parsing.strict.words import words

Saying = Literal["refusal", "lack", "aside", "claim"]
"""Class of a sentence. `refusal`: it says that the question is not answered; `lack`: that something else cannot be
found; `aside`: it says nothing on the subject; `claim`: anything else."""
Sayings = frozenset[Saying]
LACKING: Sayings = frozenset(("refusal", "lack"))


def sayings_of(parts: Sequence[Part], question: str) -> list[Sayings]:
    """The classes of each sentence of a text."""
    answered = [any(each.citations or each.inherited for each in parts[:place]) for place in range(len(parts))]
    found = [
        _sayings(part, question, later, place > 0 and parts[place - 1].plain.endswith("?"))
        for place, (part, later) in enumerate(zip(parts, answered, strict=True))
    ]
    for place in range(1, len(parts)):
        # "Price: unknown. No document gives it." is one lack.
        if found[place] == {"refusal"} and found[place - 1] == {"lack"} and not content(parts[place].plain):
            found[place] = found[place - 1]
    return found


_OF_ANOTHER = re.compile(r"(?i)^\W*(?:\w+\W+)?(?:their|its|his|her|whose)\b(?! answers?\b)")
"""`Their number is not given`: of what the sentence before names."""


@lru_cache(maxsize=4_096)
def _sayings(part: Part, question: str, later: bool = False, asked: bool = False) -> Sayings:
    """Classes of the clauses of a sentence; whether it stands behind a cited statement, or behind a question.

    There a refusal without a subject of its own is about the rest of its sentence, or about that question.
    """
    text = part.plain
    if is_canonical(text):
        return frozenset(("refusal",))
    own = [] if denies_nothing(text) else list(wording.clauses(text))
    refusing = [clause for clause in own if wording.is_refusing(clause, cited=bool(part.citations))]
    if not refusing:
        is_aside = (
            wording.is_courtesy(text, question)
            or wording.only_asks(text, question)
            or (wording.says_nothing(text, question) and words(text) > 1)
        )
        return frozenset(("aside" if is_aside and not part.citations else "claim",))
    # What stands before a colon is what cannot be found: "Budget: not specified in the sources".
    label = label_of(own, refusing[0], text)
    whole = " ".join([label, *refusing])
    is_whole = not beyond(whole, question) and restates(whole, question)
    if (later or part.citations) and not content(whole):
        is_whole = not asked and not content(text) and not _OF_ANOTHER.search(whole)
    # "It is so, but the year is not given" lacks part of an answer, even if the question asked for that part.
    completes = wording.turns(refusing[0]) and own[0] not in refusing and bool(content(whole))
    found: set[Saying] = {"refusal" if (is_whole and not completes) or wording.is_of_answer(whole) else "lack"}
    rest = (clause for clause in own if clause not in refusing and clause != label)
    if any(wording.guesses(clause, question) for clause in refusing) or wording.is_reported(text):
        found |= {"refusal", "claim"}
    if not all(is_beside(clause, question) for clause in rest):
        found.add("claim")
    return frozenset(found)


LONGEST_LABEL = 6
"""Words of a label."""


def label_of(own: Sequence[str], refusing: str, text: str) -> str:
    """The clause that a colon or a dash puts before a refusing one; empty if there is none or it is long."""
    place = own.index(refusing)
    before = own[place - 1] if place else ""
    is_label = before and _COLON.match(text, text.find(before) + len(before)) and words(before) <= LONGEST_LABEL
    return before if is_label else ""


_COLON = re.compile(r"\W*?[:：–—]")


def is_beside(clause: str, question: str) -> bool:
    """Whether a clause may accompany a refusal: it is empty, addressed to the reader, or about the documents."""
    if wording.is_courtesy(clause, question) or wording.is_about_documents(clause) or _is_join(clause):
        return True
    return not beyond(clause, question) and words(clause) > 1 and not wording.turns(clause)


def _is_join(clause: str) -> bool:
    return not content(clause) and not re.fullmatch(r"\W*(?:yes|no)\W*", clause, re.IGNORECASE)


@remembered(4_096)
def is_canonical(sentence: str) -> bool:
    """Whether a sentence is the refusal that Trust-Score's prompts ask for, or nearly so."""
    said = normalize(sentence)
    if len(said) > 2 * len(REFUSAL) or not wording.is_negated(sentence):
        return False
    if wording.is_reported(sentence) or is_unreal(wording.uncontracted(sentence)):
        return False
    return ratio(normalize(REFUSAL), said) > REFUSAL_THRESHOLD


def words_beside(part: Part, sayings: Sayings) -> int:
    """Number of words of a sentence outside its refusal; a citation counts as one."""
    if is_canonical(part.plain):
        return len(part.citations)
    if sayings.isdisjoint(LACKING):
        return words(part.plain) + len(part.citations)
    besides = (clause for clause in wording.clauses(part.plain) if not wording.is_refusing(clause))
    return sum(words(clause) for clause in besides if content(clause)) + len(part.citations)
