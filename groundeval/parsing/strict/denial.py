"""What takes a statement back from outside: a sign before its line, a heading, or a sentence about what was said."""

from __future__ import annotations

import re
from collections.abc import Sequence

from groundeval.parsing.strict.part import Part

_DENIED = re.compile(r"[¬≠❌❎✖✗✘✕⛔🚫👎☐🙃🤥🤡🤷⁉❓❔]|^[ \t]*\[ ?\](?=[ \t])|[(\[]\s*\?+\s*[)\]]|\?!|!\?|\?{2}")
"""Signs that take back, or doubt, the line or the item of a list that they stand in: `❌ ...`, `... (?)`, `...?!`."""
_FALSE = (
    r"(?:false|wrong|incorrect|untrue|mistaken|inaccurate|invalid|fictitious|made[- ]up|lies|nonsense|falsch"
    r"|faux|falso|"
    r"not (?:true|correct|right|accurate|the case|so)|myths?|misconceptions?)"
)
_DENIES_NEXT = re.compile(
    rf"(?i)(?:.*\b(?:following|below|next|these)\b.*\b{_FALSE}\b.*|\W*(?:it is )?{_FALSE}(?:\s+\w+)?\s*[:：–—-].*"
    rf"|\W*{_FALSE}(?:\s+\w+)?\W*)"
)
"""A heading or a sentence that says that what follows is false; a label does so for its own line."""
_DENIES_LINE = re.compile(rf"(?i)\W*(?:it is )?{_FALSE}\s*[:：–—-]\s*(?=\S)")
_DENIES_BEFORE = re.compile(
    rf"(?i)\W*(?:(?:all|none|any|some|everything|nothing|each) (?:of )?)?(?:this|that|these|those|(?:the )?above|"
    rf"(?:the )?(?:previous|preceding|foregoing) \w+|the (?:answer|statement|sentence)s? above|i (?:said"
    rf"|wrote)) .{{0,40}}\b(?:{_FALSE}|true)\W*"
)
"""A sentence that says that what stands before it is false (or that none of it is true)."""


def has_denial_sign(text: str) -> bool:
    """Does a text hold a sign that takes it back, or begin with an empty box."""
    return _DENIED.search(text) is not None


def is_denied(line: str, bare: str, said: str) -> bool:
    """Is a line taken back by a sign or a label; given as written, without its list mark, and without citations."""
    return has_denial_sign(line) or has_denial_sign(bare) or _DENIES_LINE.match(said) is not None


def taken_back(parts: Sequence[Part]) -> list[Part]:
    """What a sentence or a heading says to be false is denied: all that follows, or all that stands before."""
    denied = [part.denied for part in parts]
    for place, part in enumerate(parts):
        if part.citations or len(part.plain) > 120:
            continue
        if _DENIES_BEFORE.fullmatch(part.plain):
            denied[:place] = [True] * place
        elif _DENIES_NEXT.fullmatch(part.plain) and not _DENIES_LINE.match(part.plain):
            denied[place:] = [True] * (len(parts) - place)
    return [part._replace(denied=each) for part, each in zip(parts, denied, strict=True)]
