"""Classification of outputs under profile `strict`: answer, refusal, both, or neither."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from groundeval.parsing.strict import wording
from groundeval.parsing.strict.content import beyond, content, names
from groundeval.parsing.strict.decision import Decision, Possibility
from groundeval.parsing.strict.elided import speaks
from groundeval.parsing.strict.gaps import with_gaps
from groundeval.parsing.strict.lacking import concerns, denies_nothing, is_lacking, may_lack
from groundeval.parsing.strict.marks import HIDDEN
from groundeval.parsing.strict.matching import holds
from groundeval.parsing.strict.part import Part
from groundeval.parsing.strict.sayings import LACKING, Sayings, is_beside, sayings_of, words_beside
from groundeval.parsing.strict.statements import sentences
from groundeval.parsing.strict.telling import in_any_words, tells
from groundeval.parsing.strict.tokens import tokens
from groundeval.parsing.strict.visible import LONGEST
from groundeval.parsing.strict.words import words


def decide(
    text: str, question: str = "", answers: Sequence[Iterable[str]] = (), supported: Sequence[bool] = ()
) -> Decision:
    """Classify a text: it answers, refuses, does both, or neither.

    Read clause by clause, a text refuses if some clause says that there is no answer, and none makes a claim. Beside a
    refusal, the topic of the documents and words addressed to the reader are not claims. With claims the text is mixed,
    unless the refusals concern something that the question does not ask: then they complete an answer (`gaps`). A gold
    answer that is not in the question, hidden text, a guess or an exception are claims.

    `supported` says which gold answers the documents hold. What the wording leaves open is handed to the verifier.
    """
    if len(text) > LONGEST:
        return Decision("void")
    parts = [
        part._replace(plain=_spaced(part.plain))
        for part in sentences(text)
        if part.kind == "claim" or (part.kind == "aside" and _is_said(part.plain, question))
    ]
    if not parts:
        return Decision("void")
    if not wording.may_refuse(_spaced(text)):
        return Decision("answered")
    sayings = sayings_of(parts, question)
    lacks = any(own & LACKING for own in sayings)
    is_told = lacks and _tells(text, question, answers)
    decision = _by_words(parts, sayings, question, is_told=is_told) if lacks else Decision("answered")
    if decision.outcome == "mixed" and any(supported):
        refusing = [part for part, own in zip(parts, sayings, strict=True) if "refusal" in own]
        if (completed := with_gaps(parts, refusing, text, question, answers, supported)) is not None:
            return completed
    if decision.outcome == "refused" or is_told:
        return decision
    # An answer that may be in any words counts if the documents hold it.
    may_answer = in_any_words(answers) and (any(supported) or not supported)
    begins = next((own for own in sayings if own != {"aside"}), LACKING)
    known = _if_all_else_is_found(parts, question, answers)
    unknown = None if may_answer else _if_one_is_a_lack(parts, question, answers)
    if may_answer and known and known.found and not begins & LACKING:
        known = None
    possible = tuple(each for each in (known, unknown) if each is not None)
    if not possible or (not lacks and _tells(text, question, answers)):
        return decision
    if known is not None and not known.found:
        return Decision("refused", known.beside)
    return Decision(decision.outcome, possible=possible)


def _tells(text: str, question: str, answers: Sequence[Iterable[str]]) -> bool:
    """Whether the text holds a gold answer, or hidden text."""
    return HIDDEN in text or tells(text, question, answers)


def _is_said(heading: str, question: str) -> bool:
    """Whether a heading, or what introduces a list, says that something is not to be found, or may be an answer."""
    if _may_answer(heading, question):
        return True
    return bool(content(heading)) and not LACKING.isdisjoint(sayings_of([Part(heading, (), "aside")], question)[0])


def _may_answer(heading: str, question: str) -> bool:
    """Whether a heading holds a figure, or is a name, that the question does not hold."""
    if any(figure not in question for figure in re.findall(r"\d{2,}", heading)):
        return True
    said = beyond(heading, question)
    is_name = heading.strip("*_ ").title() == heading.strip("*_ ") and said == content(heading)
    return is_name and (len(said) > 1 or (len(said) == words(heading) and len(said[0]) > 2))


def _spaced(text: str) -> str:
    """The text with blanks for the underscores of a program's words, `not_found`, and with words for an empty value:
    `Answer: —`."""
    text = text.replace("_", " ") if "_" in text else text
    return _EMPTY_VALUE.sub("not given", text) if ":" in text else text


_EMPTY_VALUE = re.compile(r"(?m)(?<=: )(?:[—–-]{1,3}|~|∅|\"\"|''|\[ ?\]|\( ?\))(?=[ \t.]*$)")


def _by_words(parts: Sequence[Part], sayings: Sequence[Sayings], question: str, *, is_told: bool) -> Decision:
    """The decision without a verifier; `is_told`: the text holds a gold answer, or hidden text."""
    said = {each for own in sayings for each in own}
    claims = any(
        "claim" in own and (len(own) > 1 or part.citations or not is_beside(part.plain, question))
        for part, own in zip(parts, sayings, strict=True)
    )
    if claims or is_told:
        return Decision("mixed" if not claims or "refusal" in said else "answered")
    seen, beside = set[str](), 0
    for part, own in zip(parts, sayings, strict=True):
        # A refusal said again is as useless as anything else.
        beside += words(part.plain) if part.plain in seen else words_beside(part, own)
        seen.add(part.plain)
    return Decision("refused", beside)


SHORTEST_CONTEXT = 4
"""Least number of words of context; anything shorter beside a refusal is a guess, unless it continues a sentence and
cites: `They treat the seal [3] and the river [4].`"""
_NUMBERED = re.compile(r"(?i)\b(?:documents?|docs?|sources?|passages?)(?:\s+(?:to|and|or|\d{1,2}))+\b")
"""What is left of `documents 2 to 4` where a number was read as a citation."""


def _if_all_else_is_found(parts: Sequence[Part], question: str, answers: Sequence[Iterable[str]]) -> Possibility | None:
    """A text that says, somewhere and in any wording, that what is asked is not to be found, refuses if the verifier
    finds all that it says besides in the documents."""
    lacks = [_lacking_clauses(part, question) for part in parts]
    lacking = [clause for own in lacks for clause in own]
    if not lacking or not concerns(lacking, question):
        return None
    if any(wording.is_reported(part.plain) for part in parts) or any(
        wording.guesses(_NUMBERED.sub(" ", clause), question) for clause in lacking
    ):
        return None
    opened, beside = list[Part](), 0
    for part, lack in zip(parts, lacks, strict=True):
        rest = [clause for clause in _small_clauses(part, question) if clause not in lack]
        beside += sum(map(words, rest)) + len(part.citations)
        if _is_empty(part, rest, question, answers, lacks=bool(lack)):
            continue
        said = part.plain
        for clause in lack:
            said = said.replace(clause, " ")
        if words(said) < SHORTEST_CONTEXT and not (part.continues and part.citations):
            return None
        opened.append(part._replace(plain=_without_lead(said, question).strip(" ,;:–—-\n")))
    # A gold answer that the question names may be given all the same.
    if any(_gives(part.plain, answers) for part in opened):
        return None
    return Possibility("refused", tuple(opened), beside=beside)


_LEAD = re.compile(r"[^:–—]{8,120}(?::|\s[–—])\s+(?=\w)")
_OTHERWISE = re.compile(r"(?i)\b(?:only|merely|just|solely|instead|others?|another|different|unrelated)\b")


def _without_lead(said: str, question: str) -> str:
    """The sentence without what introduces it as something else that the documents hold, which none of them entails:
    `They only give figures for other ships: ...`."""
    lead = _LEAD.match(said)
    if lead is None or not _OTHERWISE.search(lead[0]) or not speaks(lead[0]):
        return said
    return said if names(lead[0], question) or re.search(r"\d", lead[0]) else said[lead.end() :]


def _lacking_clauses(part: Part, question: str) -> list[str]:
    """The clauses of a sentence that say that something is not to be found."""
    if denies_nothing(part.plain):
        return []
    cited = bool(part.citations)
    return [clause for clause in _small_clauses(part, question) if is_lacking(clause, question, cited=cited)]


def _small_clauses(part: Part, question: str) -> list[str]:
    """The clauses of a sentence; one that does not lack as a whole is divided at its commas, too."""
    cited = bool(part.citations)
    return [
        piece
        for clause in wording.clauses(part.plain)
        for piece in ([clause] if is_lacking(clause, question, cited=cited) else re.split(r"(?<=\D), ", clause))
    ]


def _is_empty(part: Part, rest: Sequence[str], question: str, answers: Sequence[Iterable[str]], *, lacks: bool) -> bool:
    """Whether a sentence claims nothing besides what it lacks; a cited one that lacks nothing claims something."""
    return (
        (lacks or not part.citations)
        and all(is_beside(clause, question) or _asks_again(clause, question) for clause in rest)
        and not _gives(" ".join(rest), answers)
    )


def _asks_again(clause: str, question: str) -> bool:
    return clause.rstrip().endswith("?") and not beyond(clause, question)


def _gives(text: str, answers: Sequence[Iterable[str]]) -> bool:
    return any(holds(aliases, tokens(text)) for aliases in answers)


def _if_one_is_a_lack(parts: Sequence[Part], question: str, answers: Sequence[Iterable[str]]) -> Possibility | None:
    """A text with statements that show an absence of any kind, and cite nothing for it, refuses if the verifier finds
    that one of these says, in unknown words, that there is no answer."""
    lacks = tuple(part for part in parts if not part.citations and may_lack(part.plain, question))
    opened = tuple(part for part in parts if part in lacks or part.citations or not is_beside(part.plain, question))
    if not lacks or any(words(part.plain) < SHORTEST_CONTEXT and names(part.plain, question) for part in opened):
        return None
    # A gold answer that the question names may be given all the same.
    if any(part.citations and _gives(part.plain, answers) for part in parts):
        return None
    return Possibility("refused", opened, lacks, sum(words(part.plain) for part in parts if part not in lacks))
