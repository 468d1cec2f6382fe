"""Statements denied from outside: by a sign before the line, a heading, or a sentence about other sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence

from groundeval.parsing.strict.part import Part

_DENYING = re.compile("[¬≠❌❎✖✗✘✕⛔🚫👎☐🙃🤥🤡🤷⁉❓❔]")
_DENIED = re.compile(r"^[ \t]*\[ ?\](?=[ \t])|[(\[]\s*\?+\s*[)\]]|\?!|!\?|\?{2}|(?<!\S)/s(?!\S)")
"""Signs that deny or doubt the line or list item that holds them: `❌ ...`, `... (?)`, `...?!`."""
_IN_DENIED = ("?", "/s", "[]", "[ ]")
"""One of these stands in any match of `_DENIED`: most texts hold none, and need no search."""
_FALSE = (
    r"(?:false|wrong|incorrect|untrue|mistaken|inaccurate|invalid|fictitious|made[- ]up|lies|nonsense|falsch"
    r"|faux|falso|"
    r"not (?:true|correct|right|accurate|the case|so)|myths?|misconceptions?)"
)
_DENIES_NEXT = re.compile(
    rf"(?i)(?:.*\b(?:following|below|next|these)\b.*\b{_FALSE}\b.*|\W*(?:it is )?{_FALSE}(?:\s+\w+)?\s*[:：–—-].*"
    rf"|\W*{_FALSE}(?:\s+\w+)?\W*)"
)
"""A heading or sentence that calls the text after it false; a label does so for its own line."""
_DENIES_LINE = re.compile(
    rf"(?i)\W*(?:(?:it is )?{_FALSE}|(?:none|neither) of (?:these|the following|them))\s*[:：–—-]\s*(?=\S)"
)
_DENIES_BEFORE = re.compile(
    rf"(?i)\W*(?:(?:all|none|any|some|everything|nothing|each) (?:of )?)?(?:this|that|these|those|(?:the )?above|"
    rf"(?:the )?(?:previous|preceding|foregoing) \w+|the (?:answer|statement|sentence)s? above|i (?:said"
    rf"|wrote)) .{{0,40}}\b(?:{_FALSE}|true)\W*"
)
"""A sentence that calls the text before it false (or none of it true)."""


def has_denial_sign(text: str) -> bool:
    """Whether a text contains a sign of denial or begins with an empty box."""
    if not text.isascii() and _DENYING.search(text):
        return True
    return any(each in text for each in _IN_DENIED) and _DENIED.search(text) is not None


def is_denied(line: str, bare: str, said: str) -> bool:
    """Whether a sign or a label denies a line, given as written, without its list mark, and without citations."""
    return has_denial_sign(line) or has_denial_sign(bare) or _DENIES_LINE.match(said) is not None


def taken_back(parts: Sequence[Part]) -> list[Part]:
    """The parts, with those denied that a sentence or heading calls false: all after it, or all before it."""
    denied = [part.denied for part in parts]
    for place, part in enumerate(parts):
        if part.citations or len(part.plain) > 120:
            continue
        if _DENIES_BEFORE.fullmatch(part.plain):
            denied[:place] = [True] * place
        elif _DENIES_NEXT.fullmatch(part.plain) and not _DENIES_LINE.match(part.plain):
            denied[place:] = [True] * (len(parts) - place)
    return [part._replace(denied=each) for part, each in zip(parts, denied, strict=True)]
