"""Sentence splitting of a line: Punkt, with corrections for abbreviations and other scripts."""

from __future__ import annotations

import re

from groundeval.parsing.remembered import remembered
from groundeval.parsing.statements import sentence_spans

_ABBREVIATED = re.compile(
    r"(?:(?<![^\W_])(?<!['’])[A-Za-z](?:\.[A-Za-z])*|(?<!\w)(?:e\.g|i\.e|al|etc|cf|vs|viz|ca|approx|est|fig|figs|eq|eqs"
    r"|no|nos|vol|pp?|"
    r"ch|sec|dept|univ|inc|ltd|co|corp|jr|sr|dr|mr|mrs|ms|prof|rev|gen|col|capt|lt|sgt|gov|sen|rep|hon|st|mt|ft|"
    r"jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun|ave|blvd|rd|u\.s|u\.k|u\.n|d\.c"
    r"|ph\.d|"
    r"bzw|z\.b|d\.h|usw|ggf|nr|bspw))\.$",
    re.IGNORECASE,
)
_MAY_END = re.compile(r"(?i)(?:\betc|\bal|\binc|\bltd|\bco|\bcorp|\bjr|\bsr|\b[a-z]\.[a-z]|\b[IX])\.$")
"""Abbreviations that may end a sentence when a capital follows."""
STARTER = re.compile(
    r"(?:The|This|These|That|It|He|She|They|We|I|In|On|At|But|And|However|A|An|There|According|Document)\b"
)
_DAY = re.compile(r"(?<!\d)\d{1,2}\.$")
_MONTH = re.compile(r"(?:Jan|Feb|Mär|Mar|Apr|Ma[iy]|Ju[nl]|Aug|Sep|Okt|Oct|Nov|De[zc])[a-zä]*\b")
"""`12. Mai` is a date."""
_ENDS = re.compile(
    r"[.!?。！？।॥؟۔…\d](?:(?<=[。！？।॥؟۔…])[。！？।॥؟۔…]*[”’』」）)\"']*(?=\s*\S)|(?<=\w[.!?])[”»](?=\s+[“«])"
    r"|(?<=[a-zà-ÿ]{2}[.!?])(?=[A-Z][a-z]+\s)|(?<=\d{3}\.)(?=\s+[A-Z][a-z]*\s)"
    r"|(?<=\d)\s?(?:°\s?[CFK]|(?!st\.|no\.)[a-zµ]{1,4})\.(?=\s+[A-Z][\w'’]*\s))"
)
"""Ends that Punkt does not find: of other scripts, with no blank before a capital, after a number (`in 1453. Who`) or
its unit (`5 mg. The`)."""


@remembered(4_096)
def spans(text: str) -> tuple[tuple[int, int], ...]:
    """The offsets of the sentences of a line: start, and end without surrounding whitespace.

    A sentence continues after an abbreviation or an initial, unless a typical first word of a sentence follows; the
    full stops of Chinese, Japanese, Hindi, Arabic and Urdu end one.
    """
    merged: list[tuple[int, int]] = []
    for start, end in sentence_spans(text):
        if merged and _goes_on(text[merged[-1][0] : merged[-1][1]], text[start:end]):
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    if not _ENDS.search(text):
        return tuple(merged)
    return tuple(piece for start, end in merged for piece in _cut(text, start, end))


def _goes_on(before: str, after: str) -> bool:
    if (_DAY.search(before[-6:]) and _MONTH.match(after)) or (before.endswith("!") and after[:1].islower()):
        # `12. Mai`, `Yahoo! began`
        return True
    if not _ABBREVIATED.search(before[-12:]):
        return False
    return not (_MAY_END.search(before[-12:]) and STARTER.match(after))


def _cut(text: str, start: int, end: int) -> list[tuple[int, int]]:
    pieces = []
    for found in _ENDS.finditer(text, start, end):
        pieces.append((start, found.end()))
        start = found.end() + len(text[found.end() : end]) - len(text[found.end() : end].lstrip())
    return [*pieces, (start, end)] if start < end else pieces
