"""Gaps: what an answer says is not to be found. They complete it, where a refusal would contradict it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from groundeval.parsing.strict import wording
from groundeval.parsing.strict.content import beyond, content, names
from groundeval.parsing.strict.decision import Decision, Possibility
from groundeval.parsing.strict.lacking import denies_nothing, is_lacking
from groundeval.parsing.strict.marks import HIDDEN
from groundeval.parsing.strict.part import Part
from groundeval.parsing.strict.sayings import is_canonical, label_of
from groundeval.parsing.strict.telling import in_any_words, tells

_REST = re.compile(
    r"(?i)\b(?:others?|more|further|rest|remain\w*|all of|complete\w*|full|exhaust\w*|additional|else"
    r"|beyond (?:these|those|that)|weitere\w*|andere\w*|autres?|otr[oa]s?|altr[ieo]|outr[oa]s?|ander|meer)\b"
)
"""Words for what is left when some answers are given."""


def with_gaps(
    parts: Sequence[Part],
    refusing: Sequence[Part],
    text: str,
    question: str,
    answers: Sequence[Iterable[str]],
    supported: Sequence[bool],
) -> Decision | None:
    """The decision on a text with claims and refusals that may be gaps; None if they cannot be.

    They can if the text besides gives a gold answer that the documents hold, and if no refusal guesses or reports
    another's words. Words tell if the documents hold only some of the answers, and the gap is the rest of them or
    something that the question names and the answer does not. Else a verifier must find the refusals true: then they
    concern something else.
    """
    lacking, told = _lacking_and_told(parts, refusing, question)
    held = [aliases for aliases, is_held in zip(answers, supported, strict=False) if is_held]
    if (
        HIDDEN in text
        or any(is_canonical(part.plain) or wording.is_reported(part.plain) for part in refusing)
        or any(wording.guesses(clause, question) for clause in lacking)
    ):
        return None
    given = " ".join(each for each in told if tells(each, question, held))
    is_denied = any(wording.is_of_answer(part.plain) for part in refusing)
    if given and not all(supported) and not is_denied and _differ(" ".join(lacking), given, question):
        return Decision("answered")
    if (given or in_any_words(answers)) and any(part.citations for part in parts if part not in refusing):
        return Decision("mixed", possible=(Possibility("answered", tuple(refusing)),))
    return None


def _lacking_and_told(parts: Sequence[Part], refusing: Sequence[Part], question: str) -> tuple[list[str], list[str]]:
    """The clauses of refusals that say what is not to be found, with their labels; and what each sentence says
    besides."""
    lacking, told = list[str](), list[str]()
    for part in parts:
        own = list(wording.clauses(part.plain))
        lacks = [c for c in own if part in refusing and is_lacking(c, question, cited=bool(part.citations))]
        lacks += [label_of(own, clause, part.plain) for clause in lacks]
        lacking += lacks
        told.append(" ".join(clause for clause in own if clause not in lacks))
    return lacking, told


def _differ(lacking: str, given: str, question: str) -> bool:
    """Whether what is lacking is the rest of what is given, or the two share out what the question names."""
    missed, answered = _stems(lacking), _stems(given)
    return _REST.search(lacking) is not None or not (
        (answered & _stems(question)).issubset(missed) or missed.issubset(answered)
    )


def _stems(text: str) -> set[str]:
    """The content words of a text, inflections aside."""
    return {word[:4] for word in content(text)}


def is_aside(text: str, question: str) -> bool:
    """Whether a sentence without citations says nothing on the subject, or only what cannot be found."""
    if wording.is_courtesy(text, question) or wording.says_nothing(text, question):
        return True
    if denies_nothing(text):
        return False
    own = list(wording.clauses(text))
    lacking = [is_lacking(clause, question) for clause in own]
    return any(lacking) and all(
        lacks or not beyond(clause, question) for lacks, clause in zip(lacking, own, strict=True)
    )


_OF_WRITER = re.compile(r"\W*(?:I|we)\b", re.IGNORECASE)


def without_gaps(text: str, question: str) -> str:
    """A sentence without those of its clauses that say what cannot be found, or that the writer says of himself."""
    kept = [
        clause.strip()
        for clause in wording.clauses(text)
        if not (is_aside(clause, question) or (_OF_WRITER.match(clause) and not names(clause, question)))
    ]
    return " ".join(kept)
