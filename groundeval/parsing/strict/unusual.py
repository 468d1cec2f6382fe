"""Marks of citations that a text makes up for itself: `<1>`, `{{2}}`, `|3|`, `^4^`, `†1`, `(Dok. 2)`, `\\cite{doc3}`.

There is no list of them. A number in delimiters at the end of a clause is a citation if it names a document, and if the
text cites by nothing else, or uses the form again, or puts it beside another citation. In a text that cites by nothing
else, so is a number that a sign, a word for a source, or the same word again and again puts there: `#1`, `-> 1`,
`ref. 2`, `turn0search2`.
"""

from __future__ import annotations

import re
from collections import Counter

from groundeval.parsing.strict.citations import CLAUSE_END, is_other_noun, read_citations
from groundeval.parsing.strict.sources import SOURCE

_CANDIDATE = re.compile(
    r"(?:(?<=[^\W\d])|(?<=[\s.!?,;:)\]}>”\"»*|^$」』》])|(?<=\b[12]\d{3})(?=\^[^\s^]*\^))"
    r"(?P<open>[<«「『《{|^†‡*$@:\\(📄📃📑📖📚📝🔗📎📌🗎]{1,3}"
    r"(?:(?P<label>[^\W\d_]{1,20})(?:[ ._:#=№°({\[-]{1,2}(?:[a-z]{1,12}[ :=]?)?)?)?[\[{]?)"
    r"(?P<numbers>\d{1,2}(?:\s?[,;]\s?\d{1,2})*)"
    r"(?P<close>(?:[>»」』》})\]]{1,3}\$?|[|^*$])?(?:\{index=\d{1,2}\})?)"
)
_COMMANDS = frozenset(("frac", "dfrac", "tfrac", "binom", "sqrt", "text", "mathrm", "mathbf", "textbf", "textit"))
"""Commands of LaTeX whose numbers are the text's own."""
_OPEN_ENDED = re.compile(r"[†‡*📄📃📑📖📚📝🔗📎📌🗎]$")
"""Marks that nothing closes."""
_HAS_NUMBER_IN_MARKS = re.compile(r"[<«「『《{|^†‡*$@:\\(📄📃📑📖📚📝🔗📎📌🗎][^\s\d]{0,24}\s?\d")
_PLAIN = frozenset(("(", "{", ":", "*", "**", "|"))
"""Openings that the grammar reads itself, or that layout uses."""


_KEYCAP = re.compile("([1-9])\ufe0f?\u20e3")
"""A figure on a key, which is read as one in a circle."""
_PRIVATE = re.compile("[\ue000-\uf8ff]")
"""Characters that no standard gives a shape: some chat systems put them around their marks."""
_TAIL = re.compile(
    r"(?<=\S)(?P<gap>[ \t]+|(?<=[^\W\d_])(?=\W)|(?<=[.!?])(?=\W)|\n[ \t]*(?:[-*•][ \t]+)?)"
    r"(?P<form>(?P<sign>[-=]>|(?:(?:refs?|docs?|sources?)\.?[ \t])?#|[→⇒@^~§¶/])[ \t]?"
    r"|(?:[—–-][ \t]+)?(?P<label>[^\W\d_]{2,20}(?:\d[^\W\d_]{2,12})?)[ .:=_№]{0,3})"
    r"(?P<numbers>\d{1,2}(?:[ \t]*(?:[,;&+/]|and)[ \t]*\d{1,2})*)"
    r"(?P<close>[/^]?)(?=[.!?;,。]*[ \t]*(?:\n|$)|[.!?;。]+[ \t]|,[ \t]+(?:and|but|while)\b)"
)
"""A number that ends a clause, or a line of its own, behind a sign or a word."""
_OF_SOURCE = re.compile(rf"(?i)(?:{SOURCE}|src|cite[ds]?|see|\w*turn\dsearch)")


_IN_SQUARE = re.compile(r"\[\^?\d{1,2}\]")


def _with_tails_read(text: str, documents: int) -> str:
    """The text with the numbers that end its clauses behind a sign or a word as bracketed ones, if it has no others."""
    if _IN_SQUARE.search(text):
        return text
    found = [
        each
        for each in _TAIL.finditer(text)
        if all(0 < int(number) <= documents for number in re.findall(r"\d+", each["numbers"]))
        and (each["sign"] != "/" or each["close"] == "/")
        and not (each["label"] and is_other_noun(each["label"]))
    ]
    if not found or read_citations(text).marks:
        return text
    forms = Counter(each["form"].strip().lower() for each in found)
    pieces, end = list[str](), 0
    for each in found:
        named = each["label"] is not None and _OF_SOURCE.fullmatch(each["label"])
        if named or forms[each["form"].strip().lower()] > 1 or each["sign"] not in (None, "~", "/"):
            label = f"{each['label']}: " if named and "\n" in each["gap"] else ""
            pieces += [text[end : each.start()], each["gap"] if label else " ", f"{label}[{each['numbers']}]"]
            end = each.end()
    return "".join([*pieces, text[end:]])


_RAISED = re.compile(r"(?<=[\w.,;:!?%)”\"’])[⁰¹²³⁴⁵⁶⁷⁸⁹]+(?:[˒,·; ][⁰¹²³⁴⁵⁶⁷⁸⁹]+)*(?![\w⁺⁻])")
_POWER = re.compile(r"(?:(?<![\w.])10|[×*/^·]\s?\d+|(?<![^\W\d])[^\W\d])$|\d\s?[^\W\d]{1,2}$|/[^\W\d]{1,2}$")
"""What a raised number behind it is a power of: `10`, a single letter, a unit in short behind a number or a stroke."""
_WORD_BEFORE = re.compile(r"[^\W\d]{3,}[\W_]?$")
_PLAIN_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def with_raised_read(text: str, documents: int) -> str:
    """The text with its raised numbers as bracketed ones, if they are its marks of citations.

    They are if it has no others, if each names a document and is no power, and if some stands behind a word.
    """
    found = list(_RAISED.finditer(text))
    if not found or read_citations(_RAISED.sub("", text)).marks:
        return text
    before = [text[max(0, each.start() - 30) : each.start()] for each in found]
    numbers = [re.findall(r"\d+", each[0].translate(_PLAIN_DIGITS)) for each in found]
    if any(map(_POWER.search, before)) or not any(map(_WORD_BEFORE.search, before)):
        return text
    if not all(0 < int(number) <= documents for each in numbers for number in each):
        return text
    return _RAISED.sub(
        lambda mark: "".join(f"[{n}]" for n in re.findall(r"\d+", mark[0].translate(_PLAIN_DIGITS))), text
    )


def with_own_marks_read(text: str, documents: int) -> str:
    """The text with the marks of its own that cite one of so many documents replaced by bracketed numbers."""
    if not text.isascii():
        text = _KEYCAP.sub(lambda found: chr(ord("①") + int(found[1]) - 1), _PRIVATE.sub("", text))
        text = with_raised_read(text, documents)
    text = _with_tails_read(text, documents)
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
    if opening.startswith("\\") and found["label"] in _COMMANDS:
        return False
    if not all(0 < int(number) <= documents for number in re.findall(r"\d+", found["numbers"])):
        return False
    line = text[: found.start()].rpartition("\n")[2]
    behind = text[found.end() : found.end() + 12]
    return bool(line.strip(" -•*#>|")) and bool(CLAUSE_END.match(behind) or _CANDIDATE.match(text, found.end()))
