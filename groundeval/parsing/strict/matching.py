"""Matching gold answers in a text on token boundaries: `2` is not in `1992`, nor `12` in `1.2`.

Spelling variants give the same tokens: thousands separators, number words, metric units, the order and ordinals of
dates, initials with and without stops, full-width and other letter forms. Scripts without spaces are read character by
character.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from groundeval.parsing.remembered import remembered
from groundeval.parsing.strict.dates import with_english_dates
from groundeval.parsing.strict.language import language
from groundeval.parsing.strict.quantities import (
    MONEY,
    MONEY_SCALES,
    MONEY_SIGNS,
    UNIT_TOKENS,
    UNITS,
    figures,
    with_times,
)

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
_IN_FIGURES = re.compile(
    r"(?<![0-9A-Za-z_.])(?:(?P<year1>\d{4})[-/](?P<month1>\d{1,2})[-/](?P<day1>\d{1,2})(?![\w-])"
    r"|(?P<year2>\d{4})[年년]\s*(?P<month2>\d{1,2})[月월]\s*(?P<day2>\d{1,2})[日일]"
    r"|(?P<day4>\d{1,2}) tháng (?P<month4>\d{1,2}) năm (?P<year4>\d{4})"
    r"|(?P<day3>\d{1,2})(?P<between>[./-])\s?(?P<month3>\d{1,2})(?P=between)\s?(?P<year3>\d{4})(?![\w-]|\.\d))"
)
_DATE_PARTS = tuple(tuple(f"{part}{form}" for form in (1, 2, 3, 4)) for part in ("year", "month", "day"))
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b", re.IGNORECASE)
_ARTICLES = frozenset(("a", "an", "the"))
_FORMS = frozenset(
    (
        "<wide>",
        "<narrow>",
        "<font>",
        "<circle>",
        "<initial>",
        "<medial>",
        "<final>",
        "<isolated>",
        "<noBreak>",
        "<square>",
    )
)
"""Compatibility forms that are variants of the same letter; superscripts, subscripts and fractions are not."""

_ONES = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen
"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {word: value for value, word in enumerate(_ONES.split())}
_SMALL |= {word: 10 * value for value, word in enumerate(_TENS.split(), 2)}
_LARGE = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_MONTHS = {
    name: f"{number:02}m"
    for number, names in enumerate(
        (
            "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
            "september sep sept", "october oct", "november nov", "december dec",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip


def folded(text: str) -> str:
    """The text with full-width, mathematical, circled and joined letters and figures in their plain form."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", "".join(map(_plain, text)))


@lru_cache(maxsize=4_096)
def _plain(character: str) -> str:
    if 0x1F100 <= ord(character) < 0x1F200:
        name = unicodedata.name(character, "")
        found = re.search(r"(?:NEGATIVE|REGIONAL|SQUARED|PARENTHESIZED).* LETTER ([A-Z])$", name)
        return found[1] if found else character
    form = unicodedata.decomposition(character).partition(" ")[0]
    if form in _FORMS or (form == "<compat>" and character.isalpha()):
        return unicodedata.normalize("NFKC", character)
    return character


@lru_cache(maxsize=4_096)
def _without_accent(character: str) -> str:
    """A Latin letter without its accent: `Nausicaä` may be written without."""
    form, *accent = unicodedata.decomposition(character).split(" ")
    return _without_accent(chr(int(form, 16))) if accent and ord(character) < 0x250 and form[0] != "<" else character


def tokens(text: str) -> tuple[str, ...]:
    """Lower-cased words and numbers, without articles and punctuation.

    `4,207`, `4 207` and `4207` are the same token, and `1.2` is one; `U.S.` is `us`; a genitive s is a token of its
    own; `two` is `2`; `10 km` is `10000 m`; `8.50 pm` is `20h50`; a date is day, month, year.
    """
    return tuple(token for token, _, _ in _spanned(text))


@remembered(4_096)
def _spanned(text: str) -> tuple[tuple[str, int, int], ...]:
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
    text = text if text.isascii() else "".join(map(_without_accent, text))
    lowered = text.lower() if len(text.lower()) == length else text
    pattern = _PLAIN_TOKEN if lowered.isascii() else _TOKEN
    raw = [(found[0].replace("\ue010", ""), *found.span()) for found in pattern.finditer(lowered)]
    named = [(each, start, end) for each, start, end in raw if each and each not in _ARTICLES]
    measured = _measured(_counted(named), text)
    return tuple(_dated(_with_dates(measured, text) if has_figures and _IN_FIGURES.search(text) else measured))


def _with_dates(found: Spanned, text: str) -> Spanned:
    """The tokens, with a date in figures as day, month and year: `1874-05-12`, `12.05.1874`, `1874年5月12日`.

    `5/12/1874` is left as it is, since it may mean either of two days.
    """
    for date in _IN_FIGURES.finditer(text):
        year, month, day = (int(next(filter(None, date.group(*names)))) for names in _DATE_PARTS)
        if date["between"] == "/" and max(month, day) <= 12 and month != day:
            continue
        if date["between"] == "/" and month > 12:
            month, day = day, month
        if 0 < month <= 12 and 0 < day <= 31:
            start, end = date.span()
            before, behind = [each for each in found if each[1] < start], [each for each in found if each[1] >= end]
            found = [*before, *((part, start, end) for part in (str(day), f"{month:02}m", str(year))), *behind]
    return found


def _padded(short: str, long: str) -> str:
    return short + "\ue010" * (len(long) - len(short))


Spanned = list[tuple[str, int, int]]


_SCALED = re.compile(r"\d{1,6}(?:\.\d{1,6})?")


def _counted(found: Spanned) -> Spanned:
    """Number words turned into figures: `ten thousand` is `10000`, `twenty-one` is `21`."""
    merged: Spanned = []
    place = 0
    while place < len(found):
        token, start, end = found[place]
        value = _SMALL.get(token)
        if value is None:
            scale = _LARGE.get(found[place + 1][0]) if place + 1 < len(found) else None
            if scale and _SCALED.fullmatch(token):
                merged.append((f"{round(float(token) * scale, 3):.15g}", start, found[place + 1][2]))
                place += 2
                continue
            merged.append(found[place])
            place += 1
            continue
        place += 1
        total = 0
        while place < len(found) and found[place][1] <= end + 1:
            word = found[place][0]
            if word == "and" and (value or total) and value % 100 == 0 and _is_small(found[place + 1 : place + 3]):
                end, place = found[place][2], place + 1
                continue
            if word in _SMALL and _adds(value, total, _SMALL[word]):
                value += _SMALL[word]
            elif word == "hundred" and 0 < value < 100:
                value *= 100
            elif word in _LARGE and word != "hundred" and value:
                total, value = total + value * _LARGE[word], 0
            else:
                break
            end = found[place][2]
            place += 1
        merged.append((str(total + value), start, end))
    return merged


def _adds(value: int, total: int, more: int) -> bool:
    """Whether a number word continues the number before it: `forty-two`, `four hundred six`, `two thousand four`."""
    if value % 100 == 0:
        return more > 0 and value + total > 0
    return value % 100 >= 20 and value % 10 == 0 and 0 < more < 10


def _is_small(after: Spanned) -> bool:
    """Whether `and` joins a number below a hundred to the hundreds before it: `four hundred and six`."""
    return bool(after) and 0 < _SMALL.get(after[0][0], 0) < 100 and (len(after) < 2 or after[1][0] != "hundred")


_GLUED = re.compile(r"(\d+(?:\.\d+)*)([^\W\d_]+)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_LARGE_NUMBER = re.compile(r"\d{3,}(?:\.\d+)?")


def _measured(found: Spanned, text: str) -> Spanned:
    """Units after a number under one name each, also after the first of two: `2 to 3 m`; `5km` is two tokens, `$5M` is
    one; what a large number counts in money is left out."""
    merged: Spanned = []
    for token, start, end in found:
        glued = _GLUED.fullmatch(token) if token[0].isdigit() else None
        if glued and (scale := MONEY_SCALES.get(glued[2])) and text[start - 1 : start] in MONEY_SIGNS:
            merged.append((f"{round(float(glued[1]) * scale, 3):.15g}", start, end))
            continue
        if token in MONEY and merged and _LARGE_NUMBER.fullmatch(merged[-1][0]):
            merged[-1] = (merged[-1][0], merged[-1][1], end)
            continue
        if glued and glued[2] in UNITS:
            merged.append((glued[1], start, start + len(glued[1])))
            token, start = glued[2], start + len(glued[1])
        if token in UNITS and merged and _NUMBER.fullmatch(merged[-1][0]):
            unit, factor = UNITS[token]
            places = [-1, -3] if [each[0] for each in merged[-2:-1]] == ["to"] else [-1]
            for place in places if factor != 1 else ():
                number, first, last = merged[place] if len(merged) >= -place else ("", 0, 0)
                if _NUMBER.fullmatch(number) and float(number) * factor < 1e10:
                    merged[place] = (f"{float(number) * factor:.10g}", first, last)
            merged.append((unit, start, end))
        else:
            merged.append((token, start, end))
    return merged


def _dated(found: Spanned) -> Spanned:
    """Dates as day, month, year: `March 4, 1890` is `4 March 1890`, `17th of Nov` is `17 November`."""
    named = [(_MONTHS.get(token, token), start, end) for token, start, end in found]
    place = 0
    while place < len(named):
        token, start, _ = named[place]
        if token in _MONTH_TOKENS:
            before, after = named[place - 1 : place], named[place + 1 : place + 2]
            if before and before[0][0] == "of" and place > 2 and named[place - 2][0] == "day":
                del named[place - 2]
                place -= 1
            if before and before[0][0] == "of" and place > 1 and _is_day(named[place - 2][0]):
                del named[place - 1]
                place -= 1
            elif _is_day_behind(named[place + 1 : place + 4]):
                day = named.pop(place + 3)
                del named[place + 2]
                named.insert(place, (day[0], start, day[2]))
                place += 1
            elif after and _is_day(after[0][0]) and not (before and _is_day(before[0][0])):
                named[place], named[place + 1] = (after[0][0], start, after[0][2]), (token, start, after[0][2])
                place += 1
        place += 1
    return named


def _is_day_behind(after: Spanned) -> bool:
    """Whether a day follows its month and year: `in November 1869, on the 17th`."""
    return (
        len(after) == 3
        and len(after[0][0]) == 4
        and after[0][0].isdigit()
        and after[1][0] == "on"
        and _is_day(after[2][0])
    )


_MONTH_TOKENS = frozenset(_MONTHS.values())


def _is_day(token: str) -> bool:
    return token.isdigit() and len(token) <= 2 and 0 < int(token) <= 31


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
    return longest in text.lower() or longest in _MONTHS or longest in _SMALL or longest in _LARGE or longest in UNITS


def holds(aliases: Iterable[str], text: Sequence[str]) -> bool:
    """Whether the text, given as tokens, contains some alias as consecutive tokens; aliases without any are ignored."""
    joined = f" {' '.join(text)} "
    return any(f" {' '.join(alias_tokens(alias))} " in joined for alias in aliases if alias_tokens(alias))


def equals(aliases: Iterable[str], text: Sequence[str]) -> bool:
    """Whether the text, given as tokens, is some alias; aliases without tokens are ignored."""
    return any(alias_tokens(alias) == tuple(text) for alias in aliases if alias_tokens(alias))


def spelled(aliases: Iterable[str], text: str, question: str = "") -> str | None:
    """The spelling, in the text, of the first alias that it contains; None if it contains none.

    Given names may be initials, and a number may lack the noun that the question counts: `15` for `15 players`, if it
    asks how many players there are.
    """
    found = _spanned(text)
    said = tuple(token for token, _, _ in found)
    joined = f" {' '.join(said)} "
    lowered = text.lower()
    for alias in sorted(aliases, key=lambda alias: alias.lower() not in lowered):
        own = alias_tokens(alias)
        if own and f" {' '.join(own)} " in joined:
            return alias if alias.lower() in text.lower() else _written(own, found, text)
    for alias in aliases:
        if (name := _named(alias, text)) or (name := _bare(alias, found, text, question)):
            return name
    return _in_another_language(aliases, text)


def _in_another_language(aliases: Iterable[str], text: str) -> str | None:
    """The first alias of one number and two words at most whose number a text in another language than English holds:
    `420万欧元` for `4.2 million euros`. What it counts is left to the verifier, unless the unit is known."""
    numbered = [alias for alias in aliases if _is_quantity(alias)]
    if not numbered or language(text) == "en":
        return None
    written = figures(text)
    return next((alias for alias in numbered if _values(alias) & written), None)


def _is_quantity(alias: str) -> bool:
    own = alias_tokens(alias)
    return (
        len(alias.split()) <= LONGEST_QUANTITY
        and bool(own)
        and bool(_NUMBER.fullmatch(own[0]))
        and _MONTH_TOKENS.isdisjoint(own)
    )


@remembered(16_384)
def _values(alias: str) -> set[tuple[float, str]]:
    """The number of an alias with what may follow it: its unit, if that is known, or any word; nothing if it is all."""
    number, *rest = alias_tokens(alias)
    if not rest:
        return {(float(number), ""), (float(number), "?")}
    if unit := next((each for each in rest if each in UNIT_TOKENS), ""):
        written = alias_tokens(re.sub(r"[^\d.,]+$", "", alias))[0]
        return {(float(number), unit), *([(float(written), "?")] if _NUMBER.fullmatch(written) else [])}
    return {(float(number), "?")}


LONGEST_QUANTITY = 3
"""Words of an alias that is a number: the number, its scale and what it counts."""


def _bare(alias: str, found: Sequence[tuple[str, int, int]], text: str, question: str) -> str | None:
    own = alias_tokens(alias)
    if not question or len(own) < 2 or not own[0].isdigit() or not set(own[1:]) <= set(alias_tokens(question)):
        return None
    return _written(own[:1], found, text)


def _written(own: Sequence[str], found: Sequence[tuple[str, int, int]], text: str) -> str | None:
    size = len(own)
    for start in range(len(found) - size + 1):
        if tuple(token for token, _, _ in found[start : start + size]) == own:
            plain = folded(text)
            first, last = (
                min(s for _, s, _ in found[start : start + size]),
                max(e for _, _, e in found[start : start + size]),
            )
            return (text if len(plain) == len(text) else plain)[first:last].strip().rstrip(".") or None
    return None


@remembered(16_384)
def _name_pattern(alias: str) -> re.Pattern[str] | None:
    """Pattern of a person's name: given names or initials, initials left out or added; None if the alias is no name."""
    names = alias.replace(".", " ").split()
    if (
        not 2 <= len(names) <= 5
        or not all(name[:1].isupper() and name.isalpha() for name in names)
        or len(names[-1]) < 3
    ):
        return None
    if not any(len(name) > 1 for name in names[:-1]):
        return None
    initial = r"(?:\s*[A-Z]\.?)*"
    given = [rf"(?:{re.escape(name)}|{re.escape(name[0])}\.?)" for name in names[:-1]]
    spaced = [
        given[0],
        *(rf"(?:\s*{each})" if place > 1 else rf"(?:\s*{each})?" for place, each in enumerate(given[1:], 1)),
    ]
    return re.compile(rf"(?<!\w)(?<![A-Z]\.\s){''.join(spaced)}{initial}\s*\b{re.escape(names[-1])}(?!\w)")


def _named(alias: str, text: str) -> str | None:
    last = alias.rsplit(" ", 1)[-1]
    if last not in text or (pattern := _name_pattern(alias)) is None:
        return None
    found = pattern.search(text)
    return found[0] if found else None
