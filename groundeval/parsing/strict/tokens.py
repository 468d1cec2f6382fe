"""The tokens of a text, on whose boundaries gold answers are found: `2` is not in `1992`, nor `12` in `1.2`.

Spelling variants give the same tokens: thousands separators, number words, metric units, the order and ordinals of
dates, initials with and without stops, full-width and other letter forms. Scripts without spaces are read character by
character.
"""

from __future__ import annotations

import re

from groundeval.parsing.remembered import remembered
from groundeval.parsing.strict.dates import with_english_dates
from groundeval.parsing.strict.day_month_year import MONTHS, dated, with_dates
from groundeval.parsing.strict.folding import folded, without_accent
from groundeval.parsing.strict.measures import measured
from groundeval.parsing.strict.number_words import LARGE, SMALL, counted
from groundeval.parsing.strict.quantities import UNITS, with_times

_UNSPACED = (
    r"\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uf900-\ufaff\uac00-\ud7af"
)
_THOUSANDS = re.compile(r"(?<![\d.,])(\d{1,3}(?:(?:,|\{,\}|[\u2009\u202f\u00a0 ’'])\d{3})+)(?![\d])")
_DECIMAL_COMMA = re.compile(r"(?<![\d.,])(\d{1,4}),(\d{1,2})(?![\d.,])")
"""`29,76`, as it is written in most of Europe."""
_INITIALS = re.compile(r"(?<![^\W_])((?:[^\W\d_]\.\s?)+[^\W\d_])(?:\.|(?![^\W_]))")
_APOSTROPHE = re.compile(r"['’ʼ](?!s\b)")
_FIGURE = re.compile(r"\d")
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_PLAIN_TOKEN = re.compile(r"[0-9]+(?:\.[0-9]+)+|[a-z0-9]+|%")
"""A token of a text in small letters of ASCII."""
_TOKEN = re.compile(rf"[{_UNSPACED}]|\d+(?:\.\d+)+|[{_RAISED}]+|(?:(?![{_UNSPACED}{_RAISED}])[^\W_]|\ue010)+|%")
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b", re.IGNORECASE)
_ARTICLES = frozenset(("a", "an", "the"))


def tokens(text: str) -> tuple[str, ...]:
    """Lower-cased words and numbers, without articles and punctuation.

    `4,207`, `4 207` and `4207` are the same token, and `1.2` is one; `U.S.` is `us`; a genitive s is a token of its
    own; `two` is `2`; `10 km` is `10000 m`; `8.50 pm` is `20h50`; a date is day, month, year.
    """
    return tuple(token for token, _, _ in spanned(text))


@remembered(4_096)
def spanned(text: str) -> tuple[tuple[str, int, int], ...]:
    """Tokens with their offsets in the folded text."""
    text = folded(text)
    length = len(text)
    has_figures = _FIGURE.search(text) is not None
    if has_figures:
        text = with_times(with_english_dates(text, "\ue010"), "\ue010")
        text = _THOUSANDS.sub(lambda found: _padded(re.sub(r"\D", "", found[0]), found[0]), text)
        text = _DECIMAL_COMMA.sub(r"\1.\2", text)
    if "." in text:
        text = _INITIALS.sub(lambda found: _padded(re.sub(r"[.\s]", "", found[0]), found[0]), text)
    if has_figures:
        text = _ORDINAL.sub(lambda found: "\ue010" * len(found[0]), text)
    if "'" in text or not text.isascii():
        text = _APOSTROPHE.sub("\ue010", text)
    text = text if text.isascii() else "".join(map(without_accent, text))
    lowered = text.lower() if len(text.lower()) == length else text
    pattern = _PLAIN_TOKEN if lowered.isascii() else _TOKEN
    raw = [(found[0].replace("\ue010", ""), *found.span()) for found in pattern.finditer(lowered)]
    named = [(each, start, end) for each, start, end in raw if each and each not in _ARTICLES]
    found = measured(counted(named), text)
    return tuple(dated(with_dates(found, text) if has_figures else found, text))


def _padded(short: str, long: str) -> str:
    return short + "\ue010" * (len(long) - len(short))


@remembered(65_536)
def alias_tokens(alias: str) -> tuple[str, ...]:
    """`tokens` of a gold alias; cached, since aliases recur."""
    return tokens(alias)


_LETTERS = re.compile(r"[a-z ]+")


def may_hold(alias: str, text: str) -> bool:
    """A quick test, without tokens: False if the text lacks the longest word of an alias of plain letters."""
    lowered = alias.lower()
    if not _LETTERS.fullmatch(lowered) or not text.isascii():
        return True
    longest = max(lowered.split(), key=len, default="")
    return longest in text.lower() or longest in MONTHS or longest in SMALL or longest in LARGE or longest in UNITS
