"""Number words as figures: `ten thousand` is `10000`, `twenty-one` is `21`."""

from __future__ import annotations

import re

from groundeval.parsing.strict.spanned import Spanned

_ONES = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen
"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
SMALL = {word: value for value, word in enumerate(_ONES.split())}
SMALL |= {word: 10 * value for value, word in enumerate(_TENS.split(), 2)}
LARGE = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}

_SCALED = re.compile(r"\d{1,6}(?:\.\d{1,6})?")


def counted(found: Spanned) -> Spanned:
    """Number words turned into figures: `ten thousand` is `10000`, `twenty-one` is `21`."""
    merged: Spanned = []
    place = 0
    while place < len(found):
        token, start, end = found[place]
        value = SMALL.get(token)
        if value is None:
            scale = LARGE.get(found[place + 1][0]) if place + 1 < len(found) else None
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
            if word in SMALL and _adds(value, total, SMALL[word]):
                value += SMALL[word]
            elif word == "hundred" and 0 < value < 100:
                value *= 100
            elif word in LARGE and word != "hundred" and value:
                total, value = total + value * LARGE[word], 0
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
    return bool(after) and 0 < SMALL.get(after[0][0], 0) < 100 and (len(after) < 2 or after[1][0] != "hundred")
