"""Clauses that leave out what a clause before them names, the documents: `They cover the cost, but give no date.`"""

from __future__ import annotations

import re

from groundeval.parsing.strict.vocabulary import PERHAPS, PLAINLY, TELLING

_TELLS = (
    r"(?:gives?|contains?|includes?|mentions?|offers?|provides?|states?|lists?|names?|says?|tells?|specif(?:y|ies)"
    r"|explains?|reports?|indicates?|identif(?:y|ies)|reveals?|discloses?|makes? (?:any |no )?mention)"
)
_JOIN = r"^(?P<join>\W*(?:(?:but|and|yet|however|though|although|while|whereas|because|since|so|or)\s+)?)"
_ONLY = r"(?:(?:also|only|still|just|simply|then|otherwise)\s+)?"
_BUT_NOT = re.compile(
    r"^(?P<join>\W*but )(?:(?:do |does |did )?not|(?:do|does|did)n['’]t|never|nowhere|no)\b", re.IGNORECASE
)
_NO_SUBJECT = re.compile(
    rf"{_JOIN}{_ONLY}(?=(?:{_TELLS}\b.{{0,40}}\b(?:no|nothing|none|neither|nobody|nowhere)|fails?\s+to|lacks?|omits?"
    r"|(?:do|does|did)(?:\s+not|n['’]t)|leaves?\s+(?:\w+\s+){0,5}?(?:out|open|aside|un\w+ed|unsaid|unknown)|stops?\s+short"
    r"|(?:keeps?|stays?|remains?|is|are)\s+(?:quiet|silent|mute))\b)",
    re.IGNORECASE,
)
_MATTERS = (
    r"(?:reason|date|year|number|figure|name|answer|detail|information|explanation|indication|clue|source|amount|value"
    r"|place)s?"
)
_STATES = (
    r"(?:mentions?|states?|names?|says?|tells?|specif(?:y|ies)|explains?|reports?|indicates?|identif(?:y|ies)"
    rf"|reveals?|discloses?|gives? (?:any|no|an?|the) (?:\w+ )?{_MATTERS})"
)
"""What documents do, and hardly anything else that `it` may stand for."""
_PRONOUN = re.compile(
    rf"{_JOIN}(?:it|they|these|those)\s+{_ONLY}"
    rf"(?=(?:{_STATES}\s+(?:\w+\s+)?(?:no|nothing|none|neither|nobody|nowhere)|gives? no (?:\w+ )?{_MATTERS}"
    rf"|fails?\s+to\s+{_STATES}|(?:do|does|did)(?:\s+not|n['’]t)\s+(?:\w+\s+)?{_STATES})\b)",
    re.IGNORECASE,
)
_NONE = re.compile(rf"{_JOIN}(?P<none>none|neither|nothing|not one)\s+(?=(?:\w+\s+)?{_TELLS}\b)", re.IGNORECASE)
_NOT_TOLD = re.compile(
    r"\bno\b[^,;]{2,60}\b(?:is|are|was|were) (?:given|stated|mentioned|named|listed|provided|reported|specified"
    r"|indicated|included|available)\W*$",
    re.IGNORECASE,
)
_SOURCE = rf"(?:{PLAINLY}|{PERHAPS})"
_SPEAKS = re.compile(
    rf"^\W*(?:[\w'’]+\W+){{0,4}}?{_SOURCE}\b(?:\W+[\w'’]+){{0,3}}?\W+(?:{TELLING.pattern}|notes?\b|deals?\b)"
    r"|^\W*(?:(?:but|and|while|although|the|these|those|both|all|some|most|one|first|second|third|fourth|fifth|last"
    rf"|provided|given|retrieved|search|other)\W+){{0,4}}{_SOURCE}\s+\w",
    re.IGNORECASE,
)
_TOLD_FOR = re.compile(
    r"\b(?:is|are|was|were) (?:only )?(?:given|stated|mentioned|named|listed|provided|reported|specified|available)"
    r" (?:only )?(?:for|of|in)\b",
    re.IGNORECASE,
)


def speaks(clause: str) -> bool:
    """Whether the documents, or one of them, are what a clause speaks of, so that the next one may leave them out."""
    return _SPEAKS.match(clause) is not None or _TOLD_FOR.search(clause) is not None


def filled_in(clause: str) -> str:
    """A clause behind one that `speaks`, with the documents as its subject if it has none and denies something."""
    if found := _BUT_NOT.match(clause):
        return f"{found['join']}the documents do not give {clause[found.end() :].lstrip()}"
    if found := _NONE.match(clause):
        return f"{found['join']}none of the documents {clause[found.end() :]}"
    if found := _PRONOUN.match(clause) or _NO_SUBJECT.match(clause):
        return f"{found['join']}the documents {clause[found.end() :]}"
    if _NOT_TOLD.search(clause):
        return f"{clause.rstrip(' .')} in the documents"
    return clause
