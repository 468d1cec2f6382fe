"""Marks of citations that a text makes up for itself: `<1>`, `{{2}}`, `|3|`, `^4^`, `†1`, `(Dok. 2)`, `\\cite{doc3}`.

There is no list of them. A number in delimiters at the end of a clause is a citation if it names a document, and if the
text cites by nothing else, or uses the form again, or puts it beside another citation.
"""

from __future__ import annotations

import re
from collections import Counter

from groundeval.parsing.strict.citations import CLAUSE_END, is_other_noun, read_citations

_CANDIDATE = re.compile(
    r"(?:(?<=[^\W\d])|(?<=[\s.!?,;:)\]}>”\"»*|^$」』》]))"
    r"(?P<open>[<«「『《{|^†‡*$@:\\(]{1,3}"
    r"(?:(?P<label>[^\W\d_]{1,20})(?:[ ._:#=№°({\[-]{1,2}(?:[a-z]{1,12}[ :=]?)?)?)?[\[{]?)"
    r"(?P<numbers>\d{1,2}(?:\s?[,;]\s?\d{1,2})*)"
    r"(?P<close>(?:[>»」』》})\]]{1,3}\$?|[|^*$])?(?:\{index=\d{1,2}\})?)"
)
_OPEN_ENDED = re.compile(r"[†‡*]$")
"""Marks that nothing closes."""
_HAS_NUMBER_IN_MARKS = re.compile(r"[<«「『《{|^†‡*$@:\\(][^\s\d]{0,24}\s?\d")
_PLAIN = frozenset(("(", "{", ":", "*", "**", "|"))
"""Openings that the grammar reads itself, or that layout uses."""


def with_own_marks_read(text: str, documents: int) -> str:
    """The text with the marks of its own that cite one of so many documents replaced by bracketed numbers."""
    if not _HAS_NUMBER_IN_MARKS.search(text):
        return text
    found = [each for each in _CANDIDATE.finditer(text) if _may_cite(each, documents)]
    if not found:
        return text
    cites_otherwise = bool(read_citations(text).marks)
    forms = Counter(_form(each) for each in found)
    pieces, end = list[str](), 0
    for each in found:
        before = text[end : each.start()]
        beside = (before.rstrip() or (pieces[-1] if pieces else "")).endswith(("]", ")", "】"))
        if not cites_otherwise or beside or (forms[_form(each)] > 1 and each["label"] is None):
            pieces += [before, f"[{each['numbers']}]"]
            end = each.end()
    return "".join([*pieces, text[end:]])


def _form(found: re.Match[str]) -> tuple[str, str]:
    return found["open"], re.sub(r"\d", "", found["close"])


def _may_cite(found: re.Match[str], documents: int) -> bool:
    opening, closing, text = found["open"], found["close"], found.string
    if opening in _PLAIN and not (closing and opening == "|" and closing == "|"):
        if opening != "*" or not text[: found.start()][-1:].isalpha() or closing:
            return False
    elif not closing and not _OPEN_ENDED.search(opening):
        return False
    if found["label"] is not None and is_other_noun(found["label"]):
        return False
    if not all(0 < int(number) <= documents for number in re.findall(r"\d+", found["numbers"])):
        return False
    line = text[: found.start()].rpartition("\n")[2]
    behind = text[found.end() : found.end() + 12]
    return bool(line.strip(" -•*#>|")) and bool(CLAUSE_END.match(behind) or _CANDIDATE.match(text, found.end()))
