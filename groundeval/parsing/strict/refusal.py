"""Classification of outputs under profile `strict`: answer, refusal, both, or neither."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rapidfuzz.fuzz import ratio

from groundeval.parsing.normalize import normalize
from groundeval.parsing.refusal import REFUSAL, REFUSAL_PATTERN, REFUSAL_THRESHOLD
from groundeval.parsing.remembered import remembered
from groundeval.parsing.strict import wording
from groundeval.parsing.strict.lacking import concerns, is_lacking, may_lack
from groundeval.parsing.strict.marks import HIDDEN
from groundeval.parsing.strict.matching import alias_tokens, holds, may_hold, tokens
from groundeval.parsing.strict.part import Part
from groundeval.parsing.strict.statements import sentences, words
from groundeval.parsing.strict.visible import LONGEST

Outcome = Literal["answered", "refused", "mixed", "void"]
"""Class of an output. `mixed`: it refuses and answers; `void`: it holds no statement at all, or is far too long."""
Saying = Literal["refusal", "lack", "aside", "claim"]
"""Class of a sentence. `refusal`: it says that the question is not answered; `lack`: that something else cannot be
found; `aside`: it says nothing on the subject; `claim`: anything else."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Class of an output, and the length of the text beside a refusal."""

    outcome: Outcome
    beside: int = 0
    """Words beside the refusal, or, in a text with open claims, beside what would be one."""
    open_claims: tuple[Part, ...] = ()
    """Statements beside a refusal that a verifier may find to be context or empty; the text then refuses."""
    doubts: tuple[Part, ...] = ()
    """Refusals beside an answer; if a verifier finds them true, they concern something else, and the text answers."""
    otherwise: Decision | None = None
    """What is to be settled if the verifier does not find these statements."""
    possible_lacks: tuple[Part, ...] = ()
    """If no wording is known to refuse: statements of which a verifier must find one to say that there is no answer."""


def decide(
    text: str, question: str = "", answers: Sequence[Iterable[str]] = (), supported: Sequence[bool] = ()
) -> Decision:
    """Classify a text: it answers, refuses, does both, or neither.

    Read clause by clause, a text refuses if some clause says that there is no answer, and none makes a claim. Beside a
    refusal, the topic of the documents and words addressed to the reader are not claims. With claims the text is mixed,
    unless the refusals concern something that the question does not ask: then they complete an answer. A gold answer
    that is not in the question, hidden text, a guess or an exception are claims.

    `supported` says which gold answers the documents hold. If they hold only some, a text may give these and name the
    gap. What the wording leaves open is handed to the verifier: see the fields of `Decision`.
    """
    if len(text) > LONGEST:
        return Decision("void")
    parts = [
        part._replace(plain=_spaced(part.plain))
        for part in sentences(text)
        if part.kind == "claim" or (part.kind == "aside" and _may_answer(part.plain, question))
    ]
    if not parts:
        return Decision("void")
    if not wording.may_refuse(_spaced(text)):
        return Decision("answered")
    answered = [any(each.citations or each.inherited for each in parts[:place]) for place in range(len(parts))]
    sayings = [
        _sayings(part, question, later, place > 0 and parts[place - 1].plain.endswith("?"))
        for place, (part, later) in enumerate(zip(parts, answered, strict=True))
    ]
    for place in range(1, len(parts)):
        # "Price: unknown. No document gives it." is one lack.
        if sayings[place] == {"refusal"} and sayings[place - 1] == {"lack"} and not wording.content(parts[place].plain):
            sayings[place] = sayings[place - 1]
    decision = _decided(parts, sayings, text, question, answers)
    if decision.outcome == "refused":
        return decision
    is_partly_held = any(supported) and not all(supported)
    if decision.outcome == "mixed" and is_partly_held:
        held = [aliases for aliases, is_held in zip(answers, supported, strict=False) if is_held]
        refusing = [part for part, own in zip(parts, sayings, strict=True) if "refusal" in own]
        if _answers_first(parts, refusing, question, held) or _answers_rest(parts, refusing, question, held):
            return Decision("answered")
    if decision.outcome == "mixed" and any(supported):
        if doubts := _doubts(parts, sayings, text, question, answers):
            return Decision("mixed", doubts=doubts)
        if is_partly_held and _ASKS_TWICE.search(question):
            return decision
    # An answer that may be in any words counts if the documents hold it.
    may_tell = _in_any_words(answers) and (any(supported) or not supported)
    return _if_all_else_is_found(decision, parts, text, question, answers, may_tell=may_tell)


def _may_answer(heading: str, question: str) -> bool:
    """Whether a heading holds a figure, or a name of several words, that the question does not."""
    if any(figure not in question for figure in re.findall(r"\d{2,}", heading)):
        return True
    said = wording.beyond(heading, question)
    return len(said) > 1 and said == wording.content(heading) and heading.title() == heading


def _spaced(text: str) -> str:
    """The text with blanks for the underscores of a program's words: `not_found`."""
    return text.replace("_", " ") if "_" in text else text


def _decided(
    parts: Sequence[Part],
    sayings: Sequence[frozenset[Saying]],
    text: str,
    question: str,
    answers: Sequence[Iterable[str]],
) -> Decision:
    said = frozenset[Saying]().union(*sayings)
    if said.isdisjoint(("refusal", "lack")):
        return Decision("answered")
    claims = [
        part
        for part, own in zip(parts, sayings, strict=True)
        if "claim" in own and (len(own) > 1 or part.citations or not _is_beside(part.plain, question))
    ]
    if not claims and not _tells(text, question, answers) and HIDDEN not in text:
        return Decision("refused", sum(_beside(part, own) for part, own in zip(parts, sayings, strict=True)))
    outcome: Outcome = "mixed" if not claims or "refusal" in said else "answered"
    first = next(own for own in sayings if own != {"aside"})
    opened = [_open(part, question) for part in claims]
    if first.isdisjoint(("refusal", "lack")) or not all(opened) or HIDDEN in text or _tells(text, question, answers):
        return Decision(outcome)
    beside = sum(_beside(part, own) for part, own in zip(parts, sayings, strict=True))
    return Decision(outcome, beside, tuple(claim for own in opened for claim in own))


SHORTEST_CONTEXT = 4
"""Least number of words of context; anything shorter beside a refusal is a guess."""


def _open(part: Part, question: str) -> list[Part]:
    """The claims of a sentence that a verifier may find to be context or empty; none if it guesses."""
    own = list(wording.clauses(part.plain))
    refusing = [clause for clause in own if wording.is_refusing(clause, cited=bool(part.citations))]
    rest = [clause for clause in own if clause not in refusing and not _is_beside(clause, question)]
    if any(words(clause) < SHORTEST_CONTEXT and wording.content(clause) for clause in rest):
        return []
    if not refusing:
        return [part]
    if any(wording.guesses(clause, question) for clause in refusing) or wording.is_reported(part.plain):
        return []
    return [part._replace(plain=clause.strip()) for clause in rest]


LONGEST_NAME = 8
"""Words. A longer gold answer is a claim, which an answer need not contain."""
_ASKS_TWICE = re.compile(r"(?i)(?:,|\band\b|\?)\s+(?:\w+\s+)?(?:who|what|when|where|how|which|why|whose|whom)\b")


def _answers_first(
    parts: Sequence[Part], refusing: Sequence[Part], question: str, held: Sequence[Iterable[str]]
) -> bool:
    """Whether a text, asked twice, first gives one of these answers, and then refuses something without a guess."""
    before = " ".join(part.plain for part in parts[: parts.index(refusing[0])]) if refusing else ""
    asks_twice = _ASKS_TWICE.search(question) is not None
    return asks_twice and _tells(before, question, held) and all(_is_gap(part.plain, question) for part in refusing)


def _answers_rest(
    parts: Sequence[Part], refusing: Sequence[Part], question: str, held: Sequence[Iterable[str]]
) -> bool:
    """Whether a text gives one of these answers, and what it refuses is something else: all others, or the answer
    names a word of the question that the refusals do not, and they a word that it does not."""
    lacking, told = list[str](), ""
    for part in parts:
        own = list(wording.clauses(part.plain))
        lacks = [c for c in own if part in refusing and is_lacking(c, question, cited=bool(part.citations))]
        lacks += [_label(own, clause, part.plain) for clause in lacks]
        lacking += lacks
        rest = " ".join(clause for clause in own if clause not in lacks)
        told += f" {rest}" if _tells(rest, question, held) else ""
    missed, answered = _stems(" ".join(lacking)), _stems(told)
    is_rest = bool(told) and _REST.search(" ".join(lacking)) is not None
    is_else = not (answered & _stems(question)).issubset(missed) and not missed.issubset(answered)
    return (is_rest or is_else) and all(_is_gap(part.plain, question, lacking) for part in refusing)


def _stems(text: str) -> set[str]:
    """The content words of a text, inflections aside."""
    return {word[:4] for word in wording.content(text)}


def _is_gap(text: str, question: str, lacking: Sequence[str] | None = None) -> bool:
    """Whether a refusing sentence may stand beside an answer: it denies no answer as such, and its clauses (or those
    named) do not guess."""
    return not (
        _is_canonical(text)
        or wording.is_of_answer(text)
        or wording.is_reported(text)
        or any(
            wording.guesses(clause, question)
            for clause in wording.clauses(text)
            if lacking is None or clause in lacking
        )
    )


_REST = re.compile(
    r"(?i)\b(?:others?|more|further|rest|remain\w*|all of|complete\w*|full|exhaust\w*|additional|else"
    r"|beyond (?:these|those|that)|weitere\w*|andere\w*|autres?|otr[oa]s?|altr[ieo]|outr[oa]s?|ander|meer)\b"
)
"""Words for what is left when some answers are given."""


_NUMBERED = re.compile(r"(?i)\b(?:documents?|docs?|sources?|passages?)(?:\s+(?:to|and|or|\d{1,2}))+\b")
"""What is left of `documents 2 to 4` where a number was read as a citation."""


def _clauses_and_lacks(part: Part, question: str) -> tuple[list[str], list[str]]:
    """The clauses of a sentence, and those of them that say that something is not to be found."""
    cited = bool(part.citations)
    own = [
        piece
        for clause in wording.clauses(part.plain)
        for piece in ([clause] if is_lacking(clause, question, cited=cited) else re.split(r"(?<=\D), ", clause))
    ]
    return own, [clause for clause in own if is_lacking(clause, question, cited=cited)]


def _if_all_else_is_found(
    decision: Decision,
    parts: Sequence[Part],
    text: str,
    question: str,
    answers: Sequence[Iterable[str]],
    *,
    may_tell: bool,
) -> Decision:
    """A text that says, somewhere and in any wording, that what is asked is not to be found, and holds no gold answer,
    refuses if the verifier finds all that it says besides in the documents."""
    if HIDDEN in text:
        return decision
    clauses = [_clauses_and_lacks(part, question) for part in parts]
    lacking = [clause for _, lack in clauses for clause in lack]
    is_known = bool(lacking) and concerns(lacking, question)
    lacks = () if may_tell else _possible_lacks(parts, question)
    if not (is_known or lacks) or _tells(text, question, answers):
        return decision
    otherwise = _left_to_the_verifier(decision, parts, lacks, question, answers) if lacks else decision
    if not is_known:
        return otherwise
    opened, beside = list[Part](), 0
    for part, (own, lack) in zip(parts, clauses, strict=True):
        if wording.is_reported(part.plain) or any(
            wording.guesses(_NUMBERED.sub(" ", clause), question) for clause in lack
        ):
            return otherwise
        rest = [clause for clause in own if clause not in lack]
        beside += sum(map(words, rest)) + len(part.citations)
        if (
            (lack or not part.citations)
            and not any(
                not _is_beside(clause, question)
                and not (clause.rstrip().endswith("?") and not wording.beyond(clause, question))
                for clause in rest
            )
            and not any(holds(aliases, tokens(" ".join(rest))) for aliases in answers)
        ):
            continue
        said = part.plain
        for clause in lack:
            said = said.replace(clause, " ")
        if words(said) < SHORTEST_CONTEXT:
            return otherwise
        opened.append(part._replace(plain=said.strip(" ,;:–—-\n")))
    # A gold answer that the question names may be given all the same.
    if (opened and may_tell) or any(holds(aliases, tokens(part.plain)) for aliases in answers for part in opened):
        return otherwise
    if not opened:
        return Decision("refused", beside)
    return Decision(decision.outcome, beside, tuple(opened), otherwise=otherwise if lacks else None)


def _doubts(
    parts: Sequence[Part],
    sayings: Sequence[frozenset[Saying]],
    text: str,
    question: str,
    answers: Sequence[Iterable[str]],
) -> tuple[Part, ...]:
    """The refusals of a text with a cited answer, if no other statement refuses, and none of them guesses."""
    refusing = [place for place, own in enumerate(sayings) if "refusal" in own]
    doubts = tuple(parts[place] for place in refusing)
    is_open = HIDDEN not in text and any(part.citations for part in parts if part not in doubts)
    if not is_open or any(_is_canonical(part.plain) or wording.is_reported(part.plain) for part in doubts):
        return ()
    if any(wording.guesses(clause, question) for part in doubts for clause in wording.clauses(part.plain)):
        return ()
    return doubts if _in_any_words(answers) or _tells(text, question, answers) else ()


def _in_any_words(answers: Sequence[Iterable[str]]) -> bool:
    """Whether some gold answer is a claim in whole sentences, which a text may give in any words."""
    return any(words(alias) > LONGEST_NAME for aliases in answers for alias in aliases)


def _possible_lacks(parts: Sequence[Part], question: str) -> tuple[Part, ...]:
    """The statements that show an absence of any kind, and cite nothing for it."""
    return tuple(part for part in parts if not part.citations and may_lack(part.plain, question))


def _left_to_the_verifier(
    decision: Decision,
    parts: Sequence[Part],
    lacks: tuple[Part, ...],
    question: str,
    answers: Sequence[Iterable[str]],
) -> Decision:
    """The decision on a text in which one of these statements may say, in unknown words, that there is no answer."""
    opened = tuple(part for part in parts if part in lacks or not _is_beside(part.plain, question))
    if any(words(part.plain) < SHORTEST_CONTEXT and wording.names(part.plain, question) for part in opened):
        return decision
    # A gold answer that the question names may be given all the same.
    if any(holds(aliases, tokens(part.plain)) for part in parts if part.citations for aliases in answers):
        return decision
    beside = sum(words(part.plain) for part in parts if part not in lacks)
    return Decision(decision.outcome, beside, opened, possible_lacks=lacks)


def _beside(part: Part, sayings: frozenset[Saying]) -> int:
    """Number of words of a sentence outside its refusal; a citation counts as one."""
    if _is_canonical(part.plain):
        return len(part.citations)
    if sayings.isdisjoint(("refusal", "lack")):
        return words(part.plain) + len(part.citations)
    besides = (clause for clause in wording.clauses(part.plain) if not wording.is_refusing(clause))
    return sum(words(clause) for clause in besides if wording.content(clause)) + len(part.citations)


def is_aside(text: str, question: str) -> bool:
    """Whether a sentence without citations says nothing on the subject, or only what cannot be found."""
    if wording.is_courtesy(text, question) or wording.says_nothing(text, question):
        return True
    own = list(wording.clauses(text))
    lacking = [is_lacking(clause, question) for clause in own]
    return any(lacking) and all(
        lacks or not wording.beyond(clause, question) for lacks, clause in zip(lacking, own, strict=True)
    )


def claims(text: str, question: str) -> str:
    """A sentence without those of its clauses that say what cannot be found, or that the writer says of himself."""
    kept = [
        clause.strip()
        for clause in wording.clauses(text)
        if not (is_aside(clause, question) or (_OF_WRITER.match(clause) and not wording.names(clause, question)))
    ]
    return " ".join(kept)


_OF_WRITER = re.compile(r"\W*(?:I|we)\b", re.IGNORECASE)


@lru_cache(maxsize=4_096)
def _sayings(part: Part, question: str, later: bool = False, asked: bool = False) -> frozenset[Saying]:
    """Classes of the clauses of a sentence; whether it stands behind a cited statement, or behind a question.

    There a refusal without a subject of its own is about the rest of its sentence, or about that question.
    """
    text = part.plain
    if _is_canonical(text):
        return frozenset(("refusal",))
    own = list(wording.clauses(text))
    refusing = [clause for clause in own if wording.is_refusing(clause, cited=bool(part.citations))]
    if not refusing:
        is_aside = (
            wording.is_courtesy(text, question)
            or wording.only_asks(text, question)
            or (wording.says_nothing(text, question) and words(text) > 1)
        )
        return frozenset(("aside" if is_aside and not part.citations else "claim",))
    # What stands before a colon is what cannot be found: "Budget: not specified in the sources".
    label = _label(own, refusing[0], text)
    whole = " ".join([label, *refusing])
    is_whole = not wording.beyond(whole, question) and wording.restates(whole, question)
    if (later or part.citations) and not wording.content(whole):
        is_whole = not asked and not wording.content(text)
    # "It is so, but the year is not given" lacks part of an answer, even if the question asked for that part.
    completes = wording.turns(refusing[0]) and own[0] not in refusing and bool(wording.content(whole))
    found: set[Saying] = {"refusal" if (is_whole and not completes) or wording.is_of_answer(whole) else "lack"}
    rest = (clause for clause in own if clause not in refusing and clause != label)
    if any(wording.guesses(clause, question) for clause in refusing) or wording.is_reported(text):
        found |= {"refusal", "claim"}
    if not all(_is_beside(clause, question) for clause in rest):
        found.add("claim")
    return frozenset(found)


LONGEST_LABEL = 6
"""Words of a label."""


def _label(own: Sequence[str], refusing: str, text: str) -> str:
    """The clause that a colon or a dash puts before a refusing one; empty if there is none or it is long."""
    place = own.index(refusing)
    before = own[place - 1] if place else ""
    is_label = before and _COLON.match(text, text.find(before) + len(before)) and words(before) <= LONGEST_LABEL
    return before if is_label else ""


_COLON = re.compile(r"\W*?[:：–—]")


def _is_beside(clause: str, question: str) -> bool:
    """Whether a clause may accompany a refusal: it is empty, addressed to the reader, or about the documents."""
    if wording.is_courtesy(clause, question) or wording.is_about_documents(clause) or _is_join(clause):
        return True
    return not wording.beyond(clause, question) and words(clause) > 1 and not wording.turns(clause)


def _is_join(clause: str) -> bool:
    return not wording.content(clause) and not re.fullmatch(r"\W*(?:yes|no)\W*", clause, re.IGNORECASE)


@remembered(4_096)
def _is_canonical(sentence: str) -> bool:
    """Whether a sentence is the refusal that Trust-Score's prompts ask for, or nearly so."""
    said = normalize(sentence)
    if len(said) > 2 * len(REFUSAL) or not wording.is_negated(sentence) or wording.is_reported(sentence):
        return False
    return ratio(normalize(REFUSAL), said) > REFUSAL_THRESHOLD


def _tells(text: str, question: str, answers: Sequence[Iterable[str]]) -> bool:
    """Whether the text contains a gold answer with words that are neither in the question nor in the refusal."""
    possible = [near for aliases in answers if (near := [alias for alias in aliases if may_hold(alias, text)])]
    if not possible:
        return False
    said, known = tokens(text), {*tokens(question), *tokens(REFUSAL), *tokens(REFUSAL_PATTERN)}
    telling = [
        [alias for alias in aliases if not known.issuperset(alias_tokens(alias)) and wording.content(alias)]
        for aliases in possible
    ]
    return any(holds(aliases, said) for aliases in telling)
