"""Clauses that say, in any wording, that what is asked cannot be found: composed of a negation, and of the sources, the
writer or the asked thing.

This is wider than `wording.is_refusing`, and too wide to convict an answer. It serves where nothing else is at stake:
in a text that holds no gold answer and whose other claims the verifier finds in the documents, and for a statement
without a citation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from groundeval.parsing.strict.content import beyond, content, is_generic, names
from groundeval.parsing.strict.foreign import has_negation
from groundeval.parsing.strict.frames import is_unreal
from groundeval.parsing.strict.language import language
from groundeval.parsing.strict.sources import SOURCE
from groundeval.parsing.strict.vocabulary import GONE, GONE_ALONE, NOT, TELLING, negations
from groundeval.parsing.strict.wording import LONGEST_REFUSAL, is_refusing, may_refuse, uncontracted

_SOURCES = (
    r"(?:documents?|docs?|sources?|passages?|search results?|contexts?|snippets?|excerpts?|references?"
    r"|(?:the|these|those|three|four|five|any|my|this|all) (?:\w+ )?(?:texts?|pages?|materials?|articles?|readings?))"
)
_PLACE = re.compile(
    rf"(?<!according to )(?<!according to the )(?<!according to these )\b(?:{_SOURCES}|in there|anywhere|nowhere"
    r"|(?:none|neither|any|either|one) of (?:them|these|those))\b",
    re.IGNORECASE,
)
_WRITER = re.compile(
    rf"^\W*(?:[a-z]+\W+){{0,2}}?(?:(?:I|we|one|you)\b(?:\W+[\w'’]+){{0,4}}?\W+)?"
    rf"(?:{NOT}|{GONE})\b",
    re.IGNORECASE,
)
_SUBJECT = re.compile(r"^\W*(?:(?:but|so|and|sorry|unfortunately|either)\W+)*(?:I|we|one|you)\b", re.IGNORECASE)
_UNABLE = re.compile(
    r"\b(?:cannot|could not|can not|unable|not (?:able|manage)|needs? (?:more|other|further|additional|better)"
    r"|failed)\b(?=\W+\w)|\bempty-handed",
    re.IGNORECASE,
)
"""What a writer cannot do with the documents may be said by any verb."""
_ELIDED = re.compile(
    r"^\W*(?:(?:but|so|and|sorry|unfortunately)\W+)*(?:cannot|could not|unable|did not|not able|no)\b", re.I
)
_THEY = re.compile(
    r"^\W*(?:(?:but|so|and|sorry|because|since|unfortunately|either)\W+)*"
    r"(?:it|they|this|that|these|those|nobody|no one)\b"
    rf"(?:\W+(?:also|just|simply|do|does|did))*\W+(?:{NOT}|{GONE}|tells?|says?)\b",
    re.IGNORECASE,
)
_IS_NOT = re.compile(
    rf"\b(?:is|are|was|were|be|been|goes|comes?|remains?|stays?|gets?)\W+(?:\w+\W+){{0,2}}?(?:{NOT}\b|{GONE}\b)"
    rf"|\b{NOT}\b[^,;]*\b(?:is|are|was|were|be|been|comes?|goes)\b|\bnever comes up\b",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"(?:^|\b(?:but|and|alone|only)\b)\W*(?:none|not (?:those|that|the|what|who|when|where|how|which|why)|no)\b"
    r"|\b(?:is|are|was|were|does|do|did) not\W*$|\bthere(?:['’]s| is| are| was| were) (?:none|nothing)\W*$",
    re.IGNORECASE,
)
_FOREIGN_SOURCE = re.compile(
    rf"\b(?:{SOURCE})\b|\b(?:\w*textstelle\w*|\w*ergebnis\w*|résultats?|resultados?|risultat[oi]|\w*resultat\w*|käll\w+|kild\w+"
    r"|źród\w+|wynik\w*|lähte\w*|tulok\w+|результат\w*)\b|结果|検索結果|文書|검색 ?결과",
    re.IGNORECASE,
)
"""Sources in other languages, with the results of a search, which the grammar of citations need not know."""
_YES_OR_NO = re.compile(r"\W*(?:yes|no)\W*, ", re.IGNORECASE)
"""The answer to a question of yes or no: what it denies is the matter."""
_CONTENT_TOLD = re.compile(r"\bthat\b|\bwhere\b|,|:")


def denies_nothing(text: str) -> bool:
    """Whether a text has no negation in any of the languages, so that none of its clauses refuses or is lacking.

    To ask this of a sentence is cheaper than to find its clauses and search each.
    """
    return not (may_refuse(text) or negations(text))


@lru_cache(maxsize=4_096)
def is_lacking(clause: str, question: str, *, cited: bool = False) -> bool:
    """Whether a clause says that something is not told, known or found; true of every refusing clause."""
    if len(clause) > LONGEST_REFUSAL:
        return False
    if is_refusing(clause, cited=cited):
        return True
    clause = uncontracted(clause)
    count = negations(clause)
    if (not count and not _is_foreign_lack(clause)) or is_unreal(clause):
        return False
    if language(clause) not in (None, "en"):
        return _is_foreign_lack(clause)
    if count % 2 == 0:
        return language(clause) is None and _is_foreign_lack(clause)
    if _YES_OR_NO.match(clause):
        return False
    tells = TELLING.search(clause) is not None
    place = _PLACE.search(clause)
    if place is not None and (tells or GONE_ALONE.search(clause) or not names(clause, question)):
        told = _CONTENT_TOLD.search(clause, place.end())
        return told is None or negations(clause[: told.start()]) > 0
    if tells and _THEY.match(clause) and len(beyond(clause, question)) <= 2:
        return True
    can_tell = tells or (_UNABLE.search(clause) is not None and not names(clause, question))
    if can_tell and _WRITER.match(clause) and (_SUBJECT.match(clause) or _ELIDED.match(clause)):
        return True
    if beyond(TELLING.sub(" ", clause), question):
        return False
    asks = bool(content(clause))
    return asks and (
        (tells and _IS_NOT.search(clause) is not None)
        or _BARE.search(clause) is not None
        or GONE_ALONE.search(clause) is not None
    )


def _is_foreign_lack(clause: str) -> bool:
    """A negation of another language beside a source, in a clause of that language or without an English negation."""
    # In the order of what the searches cost.
    if not has_negation(clause) or (negations(clause) and language(clause) in (None, "en")):
        return False
    return _FOREIGN_SOURCE.search(clause) is not None


_IDLE = re.compile(
    r"\b(?:false|null|empty|open|nil|off[- ]topic|something else|elsewhere"
    r"|other (?:things|matters|topics|subjects)|needed"
    r"|silence|irrelevant|unrelated|required|insufficient|declin\w+|refus\w+|(?:can|could) only|outside|beyond)\b",
    re.IGNORECASE,
)
_TWO_NAMES = re.compile(r"(?<=[^.!?\s] )[A-Z][\w'’]+ [A-Z][\w'’]+|\d+(?:[.,]\d+)*")


def may_lack(text: str, question: str) -> bool:
    """Whether a text shows an absence of any kind, in any of the languages, and nothing that could be an answer."""
    if len(text) > LONGEST_REFUSAL or text.rstrip().endswith(("?", "？", "؟")):
        return False
    if (negations(uncontracted(text)) or _IDLE.search(text)) and not names(text, question):
        return True
    is_foreign = language(text) != "en" and not is_generic(text)
    return is_foreign and has_negation(text) and all(name in question for name in _TWO_NAMES.findall(text))


def concerns(clauses: Sequence[str], question: str) -> bool:
    """Whether what such clauses miss may be what the question asks: it has no words of its own, shares one with the
    question, or has two at most (`the price` for `how much`); words of other languages cannot tell."""
    whole = GONE_ALONE.sub(" ", " ".join(clauses))
    said = content(whole)
    other = len(beyond(whole, question))
    return other <= 2 or other < len(said) or any(map(_is_foreign_lack, clauses))
