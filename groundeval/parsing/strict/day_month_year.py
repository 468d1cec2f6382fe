"""Dates as tokens, in the order day, month, year: `March 4, 1890`, `1874-05-12`, `17th of November`."""

from __future__ import annotations

import re

from groundeval.parsing.strict.spanned import Spanned

MONTHS = {
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
MONTH_TOKENS = frozenset(MONTHS.values())
_IN_FIGURES = re.compile(
    r"(?<![0-9A-Za-z_.])(?:(?P<year1>\d{4})[-/](?P<month1>\d{1,2})[-/](?P<day1>\d{1,2})(?![\w-])"
    r"|(?P<year2>\d{4})[年년]\s*(?P<month2>\d{1,2})[月월]\s*(?P<day2>\d{1,2})[日일]"
    r"|(?P<day4>\d{1,2}) tháng (?P<month4>\d{1,2}) năm (?P<year4>\d{4})"
    r"|(?P<day3>\d{1,2})(?P<between>[./-])\s?(?P<month3>\d{1,2})(?P=between)\s?(?P<year3>\d{4})(?![\w-]|\.\d))"
)
_JOINED = re.compile(r"[\s.\ue010]*|[-/]")
"""What stands between a day and the month behind it: `5. Sept`, `5-Sep`; not the colon of `Voyager 1: September 5`."""
_DATE_PARTS = tuple(tuple(f"{part}{form}" for form in (1, 2, 3, 4)) for part in ("year", "month", "day"))


def dated(found: Spanned, text: str) -> Spanned:
    """Dates as day, month, year: `March 4, 1890` is `4 March 1890`, `17th of Nov` is `17 November`.

    A number before `July 20, 1969` is no day: `Apollo 11 July 20, 1969`.
    """
    named = [(MONTHS.get(token, token), start, end) for token, start, end in found]
    place = 0
    while place < len(named):
        token, start, _ = named[place]
        if token in MONTH_TOKENS:
            before, after = named[place - 1 : place], named[place + 1 : place + 3]
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
            elif _is_day_of(after, before, start, text):
                named[place], named[place + 1] = (after[0][0], start, after[0][2]), (token, start, after[0][2])
                place += 1
        place += 1
    return named


def _is_day_behind(after: Spanned) -> bool:
    """Whether a day follows its month and year: `in November 1869, on the 17th`."""
    return len(after) == 3 and _is_year(after[:1]) and after[1][0] == "on" and _is_day(after[2][0])


def _is_day_of(after: Spanned, before: Spanned, month: int, text: str) -> bool:
    """Whether the first token after a month, which begins at this offset, is its day, rather than the one before.

    It is, if a year follows, or if the one before is no day or is parted from the month.
    """
    if not after or not _is_day(after[0][0]):
        return False
    if _is_year(after[1:]) or not before or not _is_day(before[0][0]):
        return True
    return _JOINED.fullmatch(text, before[0][2], month) is None


def _is_day(token: str) -> bool:
    return token.isdigit() and len(token) <= 2 and 0 < int(token) <= 31


def _is_year(after: Spanned) -> bool:
    return bool(after) and len(after[0][0]) == 4 and after[0][0].isdigit()


def with_dates(found: Spanned, text: str) -> Spanned:
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
