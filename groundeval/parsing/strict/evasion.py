"""Wordings that hold a gold answer without asserting it: choices, hedges, and bounds on a number.

What the documents word in the same way is not an evasion: "probably in 1209" may be all that they say.
"""

from __future__ import annotations

import re

from groundeval.parsing.strict.asserting import without_remarks
from groundeval.parsing.strict.content import content
from groundeval.parsing.strict.day_month_year import MONTHS
from groundeval.parsing.strict.number_words import SMALL
from groundeval.parsing.strict.tokens import tokens

_CHOICES = (
    r"at least one of|one of (?:the following|these|those|two|the two)|^\W*unless\b"
    r"|^\W*if (?:it (?:is|was|were) )?not\b"
    r"|take your pick|pick one|whichever|or else|otherwise|alternatively|and/or"
    r"|but not both|\bvs\b\.?|\bversus\b"
    r"|^\W*(?:candidates|options|choices|possibilities|possible answers)\b"
)
_HEDGES = (
    r"perhaps|maybe|possibly|probably|presumably|allegedly|reportedly|supposedly|purportedly|conceivably|rumou?red"
    r"|apparently|arguably|seemingly|likely|at a guess|if memory serves|who knows|i(?:['’]d| would)? bet"
    r"|(?:fairly|pretty) sure"
    r"|it (?:seems|appears)|some sources|as far as i (?:know|recall)|in my opinion"
    r"|rightly or wrongly|might|may (?:have|be|well)|could (?:have|be|well)|i (?:guess|think|believe|suspect|suppose)"
    r"|(?:some|many|people) (?:say|claim|believe|think)|not sure|i am unsure|if i (?:recall|remember) \w*"
    r"|it is (?:said|claimed|believed|thought|rumou?red|possible|likely|unlikely|doubtful|conceivable)"
)
_EVASIVE = re.compile(rf"(?i)\b(?:{_HEDGES})\b|(?:\b|(?=\W))(?:{_CHOICES})")
_RANGE = r"(?:from|period|range|years?)"
_BEFORE = re.compile(
    r"(?i)\b(?:(?:no|not) (?:later|earlier|sooner|more|fewer|less|longer|older|higher|taller|greater|larger) than"
    r"|not after|within"
    r"|not exceed"
    r"|at (?:the )?(?:most|least|latest|earliest|very (?:most|least))|up to|fewer than|less than|under|below"
    rf"|between [^,.;]{{1,40}} and|{_RANGE} [^,.;]{{1,30}} to|anywhere \w+"
    rf"|{_RANGE} [^,.;]{{0,20}}(?:\d|\b(?:{'|'.join(SMALL)})\b)[^,.;]{{0,12}}[–—-]"
    r"|maximum of|\d+\s*[–—-]"
    r"|minimum of"
    r"|(?:some time|sometime|any time) before)\s*(?:the |about |some |around )?$"
)
_BEHIND = re.compile(
    r"(?i)^(?:\W+\w+){0,2}?\W*(?:or (?:fewer|less|more|so|earlier|later|before|after|thereabouts)"
    r"|at (?:the )?(?:most|least|latest|earliest)|by much)\b"
)
_NAME_AND_DASH = re.compile(r"(?P<word>[^\W\d_]+)[ \u00a0-](?P<number>\d+)(?:\s+[–—-]|—)\s*$")
"""A word and a number before a dash: `Apollo 11 — 20 July 1969`."""
_MIXED = re.compile(r"\b(?=[a-z01]*[a-z])(?=[a-z01]*[01])[a-z01]{2,8}\b", re.IGNORECASE)
_FIGURES_AS_LETTERS = str.maketrans("01", "oi"), str.maketrans("01", "ol")
_DISGUISED = frozenset(
    ("or", "not", "no", "nor", "none", "either", "false", "wrong", "possibly", "probably", "otherwise")
)


_ASKS_BOUND = re.compile(
    r"(?i)\b(?:max\w*|minim\w*|limit\w*|ceiling|at (?:most|least)|up to|deadline|latest|earliest"
    r"|until when|by when|allowed|cap)\b"
)


def evades(text: str, written: str, question: str, documents: str) -> bool:
    """Whether a statement hedges, offers a choice or bounds the answer that it writes, where the documents do not.

    `written` is the answer as the statement writes it; bounds are told only of answers with a number, and where the
    question does not ask for one.
    """
    if any(_is_disguised(word) for word in _MIXED.findall(text)):
        return True
    said = [found[0] for found in _EVASIVE.finditer(without_remarks(text, written, question))]
    number = re.search(r"\d[\d.,]*", written)
    if said and not any(_is_in(each, f"{question} {documents}") for each in said):
        told = number[0] if number else written
        return not any(told in each and _EVASIVE.search(each) for each in re.split(r"(?<=[.!?])\s", documents))
    if written not in text or (number is None and not any(token[0].isdigit() for token in tokens(written))):
        return False
    bound = _bound(text, written, f"{question} {documents}")
    if not bound or _ASKS_BOUND.search(question) or _is_in(bound, documents):
        return False
    return not _bound(documents, number[0] if number else written, documents)


def _bound(text: str, written: str, known: str) -> str:
    """The words of a text that make an answer a bound, at some place where it is written; empty if there are none."""
    for found in re.finditer(rf"(?<!\w){re.escape(written)}(?!\w)", text):
        before = text[max(0, found.start() - 60) : found.start()]
        opening = None if _ends_in_name(before, known) else _BEFORE.search(before)
        if bound := opening or _BEHIND.match(text[found.end() :]):
            return bound[0]
    return ""


def _ends_in_name(before: str, known: str) -> bool:
    """Whether a text ends in a dash behind a name with a number, which is written so in the question or the documents.

    Any other number before a dash is the lower end of a range.
    """
    found = _NAME_AND_DASH.search(before)
    if found is None or found["word"].lower() in MONTHS or not content(found["word"]):
        return False
    named = re.finditer(rf"(?i)(?<!\w){re.escape(found['word'])}[ \u00a0-]{found['number']}(?!\w)", known)
    return any(each[0][0].isupper() for each in named)


def _is_disguised(word: str) -> bool:
    """Whether figures stand for the letters of a word that turns the sense: `0r`, `n0t`."""
    return any(word.lower().translate(letters) in _DISGUISED for letters in _FIGURES_AS_LETTERS)


def _is_in(words: str, documents: str) -> bool:
    return re.search(rf"(?i)\b{re.escape(words.strip())}\b", documents) is not None
