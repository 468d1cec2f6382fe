"""Units of measurement and times of day, under one name each, and the figures of a text in any language."""

from __future__ import annotations

import re

_NAMES = """
    ft=ft foot feet; mi=mi mile miles; lb=lb lbs pound pounds; in=in inch inches; %=percent % pct;
    s=s sec secs second seconds; min=min mins minute minutes; h=h hr hrs hour hours;
    c=c ºc oc celsius centigrade; f=f ºf fahrenheit; k=k kelvin kelvins
"""
_METRIC = {"m": ("metre", "meter"), "g": ("gram", "gramme"), "l": ("litre", "liter")}
_PREFIXES = {"": ("", 0), "k": ("kilo", 3), "c": ("centi", -2), "m": ("milli", -3), "μ": ("micro", -6)}
UNITS: dict[str, tuple[str, float]] = {
    name: (unit, 1)
    for unit, _, names in (each.strip().partition("=") for each in _NAMES.split(";"))
    for name in names.split()
} | {
    name: (unit, 10.0**power if power else 1)
    for unit, words in _METRIC.items()
    for short, (long, power) in _PREFIXES.items()
    for name in (short + unit, *(f"{long}{word}{plural}" for word in words for plural in ("", "s")))
}
"""Units by their names after a number, each with what they are in the unit compared: metres, grams and litres."""
DEGREES = frozenset(("degree", "degrees", "deg", "º"))
"""Words for the sign `°`, which is no token either."""
POWERS = {"square": "²", "sq": "²", "cubic": "³", "cu": "³"}
"""Words before a unit, as the sign behind it: `5 square metres` is `5 m²`."""
UNIT_TOKENS = frozenset(unit for unit, _ in UNITS.values())

MONEY = frozenset(["dollar", "dollars", "usd", "euro", "euros", "eur", "gbp"])
MONEY_SIGNS = ("$", "€", "£", "¥")
MONEY_SCALES = {"k": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "b": 1e9, "bn": 1e9}
"""What letters behind an amount of money multiply it by: `$5M`."""

_HALF = r"\s?([ap])\.?\s?m\b\.?"
_OF_CLOCK = r"\s?(?:uhr|uur|hrs)\b"
_CLOCK = re.compile(
    rf"(?<![\d.,:/])([01]?\d|2[0-3])(?:[:h]([0-5]\d)(?![\d:])(?:{_HALF}|{_OF_CLOCK})?"
    rf"|(?:\.([0-5]\d))?(?:{_HALF}|{_OF_CLOCK}))",
    re.IGNORECASE,
)


def with_times(text: str, filler: str) -> str:
    """The text with times of day as hours of 24 and minutes: `8.50 pm` and `20:50` are `20h50`, `9 a.m.` is `9h`.

    What a time is shorter by is filled up, so that offsets stay.
    """
    return _CLOCK.sub(lambda found: _time(found).ljust(len(found[0]), filler), text)


def _time(found: re.Match[str]) -> str:
    hour, minutes, half = int(found[1]), found[2] or found[4] or "", (found[3] or found[5] or "").lower()
    if half:
        hour = hour % 12 + 12 * (half == "p")
    said = f"{hour}h{minutes if minutes != '00' else ''}"
    return said if len(said) <= len(found[0]) else found[0]


_FIGURE = re.compile(
    r"(?<![\d.,])(\d{1,12}(?:[.,' \u00a0\u202f]\d{1,3})*)(?![\d])[ \u00a0]?([^\W\d_]*)|([一二两三四五六七八九十])"
)
_LARGE = {
    "万": 1e4,
    "萬": 1e4,
    "만": 1e4,
    "亿": 1e8,
    "億": 1e8,
    "억": 1e8,
    "mio": 1e6,
    "mln": 1e6,
    "млн": 1e6,
    "mrd": 1e9,
}
_LARGE_WORD = re.compile(r"(?i)(?:(milli?ard|миллиард|billion\b)|(milli?(?:on|ón|oen|õe|ão)|milj|miljoon|миллион))")
_HAN = "一二三四五六七八九十"


def figures(text: str) -> set[tuple[float, str]]:
    """The numbers that a text writes in figures of any script, each with its unit: its name, in which the number is
    then told, `?` for any other word behind it, or nothing. Both readings of `1.410 km`, and `420万` as 4,200,000."""
    found = set[tuple[float, str]]()
    for digits, behind, han in _FIGURE.findall(text):
        if han:
            found.add((2.0 if han == "两" else float(_HAN.index(han) + 1), "?"))
            continue
        unit, factor = UNITS.get(behind.lower(), ("?" if behind else "", 1.0))
        values = [float(re.sub(r"\D", "", digits))]
        if decimal := re.fullmatch(r"(\d+)[.,](\d+)", digits):
            values.append(float(f"{decimal[1]}.{decimal[2]}"))
        found.update((float(f"{value * _scale(behind) * factor:.10g}"), unit) for value in values)
    return found


def _scale(word: str) -> float:
    """What a word or sign behind a figure multiplies it by."""
    if not word:
        return 1.0
    if large := _LARGE_WORD.match(word):
        return 1e9 if large[1] else 1e6
    return _LARGE.get(word[0], _LARGE.get(word.lower(), 1.0))
