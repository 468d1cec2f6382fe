"""Numbers with their units: `10 km` is `10000 m`, `5km` is two tokens, `$5M` is one."""

from __future__ import annotations

import re

from groundeval.parsing.strict.quantities import MONEY, MONEY_SCALES, MONEY_SIGNS, UNITS
from groundeval.parsing.strict.spanned import Spanned

_GLUED = re.compile(r"(\d+(?:\.\d+)*)([^\W\d_]+)")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
_LARGE_NUMBER = re.compile(r"\d{3,}(?:\.\d+)?")


def measured(found: Spanned, text: str) -> Spanned:
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
        if token in UNITS and merged and NUMBER.fullmatch(merged[-1][0]):
            unit, factor = UNITS[token]
            places = [-1, -3] if [each[0] for each in merged[-2:-1]] == ["to"] else [-1]
            for place in places if factor != 1 else ():
                number, first, last = merged[place] if len(merged) >= -place else ("", 0, 0)
                if NUMBER.fullmatch(number) and float(number) * factor < 1e10:
                    merged[place] = (f"{float(number) * factor:.10g}", first, last)
            merged.append((unit, start, end))
        else:
            merged.append((token, start, end))
    return merged
