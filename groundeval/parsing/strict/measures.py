"""Numbers with their units: `10 km` is `10000 m`, `5km` is two tokens, `$5M` is one, `5 sq. ft` is `5 ft²`."""

from __future__ import annotations

import re

from groundeval.parsing.strict.quantities import DEGREES, MONEY, MONEY_SCALES, MONEY_SIGNS, POWERS, UNITS
from groundeval.parsing.strict.spanned import Spanned

_GLUED = re.compile(r"(\d+(?:\.\d+)*)([^\W\d_]+)")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
_LARGE_NUMBER = re.compile(r"\d{3,}(?:\.\d+)?")
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_EXPONENTS = {"²": 2, "³": 3}


def measured(found: Spanned, text: str) -> Spanned:
    """Units after a number under one name each, also after the first of two: `2 to 3 m`; `5km` is two tokens, `$5M` is
    one; what a large number counts in money is left out."""
    merged: Spanned = []
    parted = _with_powers(_parted(found, text))
    for position, (token, start, end) in enumerate(parted):
        if token in MONEY and merged and _LARGE_NUMBER.fullmatch(merged[-1][0]):
            merged[-1] = (merged[-1][0], merged[-1][1], end)
            continue
        if token in UNITS and merged and NUMBER.fullmatch(merged[-1][0]):
            unit, factor = UNITS[token]
            factor **= _EXPONENTS.get(parted[position + 1][0], 1) if position + 1 < len(parted) else 1
            places = [-1, -3] if [each[0] for each in merged[-2:-1]] == ["to"] else [-1]
            for place in places if factor != 1 else ():
                number, first, last = merged[place] if len(merged) >= -place else ("", 0, 0)
                if NUMBER.fullmatch(number) and float(number) * factor < 1e18:
                    merged[place] = (_plain(float(number) * factor), first, last)
            merged.append((unit, start, end))
        else:
            merged.append((token, start, end))
    return merged


def _plain(number: float) -> str:
    """The number in figures, to ten places that count, without an exponent."""
    return f"{float(f'{number:.10g}'):.15f}".rstrip("0").rstrip(".")


def _parted(found: Spanned, text: str) -> Spanned:
    """The tokens, with `5km` and `m2` as two, `$5M` as a number, `^2` as `²`, and no word for the sign `°`."""
    parted: Spanned = []
    for token, start, end in found:
        glued = _GLUED.fullmatch(token) if token[0].isdigit() else None
        follows = bool(parted) and NUMBER.fullmatch(parted[-1][0]) is not None
        if glued and (scale := MONEY_SCALES.get(glued[2])) and text[start - 1 : start] in MONEY_SIGNS:
            parted.append((f"{round(float(glued[1]) * scale, 3):.15g}", start, end))
        elif glued and (glued[2] in UNITS or glued[2] in DEGREES):
            split = start + len(glued[1])
            parted += [(glued[1], start, split), *([(glued[2], split, end)] if glued[2] in UNITS else [])]
        elif follows and token[-1] in "23" and token[:-1] in UNITS:
            parted += [(token[:-1], start, end - 1), (token[-1].translate(_RAISED), end - 1, end)]
        elif token.isdigit() and (text[start - 1 : start] == "^" or text[max(0, start - 2) : start] == "^{"):
            parted.append((token.translate(_RAISED), start, end))
        elif token == "cent" and parted and parted[-1][0] == "per":
            parted[-1] = ("percent", parted[-1][1], end)
        elif not (follows and token in DEGREES):
            parted.append((token, start, end))
    return parted


def _with_powers(found: Spanned) -> Spanned:
    """The tokens, with `square` and `cubic` between a number and its unit as signs behind it."""
    for place in range(len(found) - 2):
        (number, *_), (power, *_), (unit, start, end) = found[place : place + 3]
        if power in POWERS and unit in UNITS and NUMBER.fullmatch(number):
            found[place + 1 : place + 3] = [(unit, found[place + 1][1], end), (POWERS[power], start, end)]
    return found
