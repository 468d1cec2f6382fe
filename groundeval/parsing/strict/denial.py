"""Statements denied from outside: by a sign in their line, or by a sentence about the ones before it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from groundeval.parsing.strict.disowned import LONGEST_LEAD, may_deny
from groundeval.parsing.strict.part import Part

_DENYING = re.compile("[¬≠❌❎✖✗✘✕⛔🚫👎☐🙃🤥🤡🤷⁉❓❔]")
_DENIED = re.compile(r"^[ \t]*\[ ?\](?=[ \t])|[(\[]\s*\?+\s*[)\]]|\?!|!\?|\?{2}|(?<!\S)/s(?!\S)")
"""Signs that deny or doubt the line or list item that holds them: `❌ ...`, `... (?)`, `...?!`."""
_IN_DENIED = ("?", "/s", "[]", "[ ]")
"""One of these stands in any match of `_DENIED`: most texts hold none, and need no search."""
_OF_BEFORE = re.compile(
    r"(?i)\W*(?:(?:all|none|neither|any|some|everything|nothing|each|both|not one) (?:of )?)?(?:this|that|these|those"
    r"|them|(?:the )?above|(?:the )?(?:previous|preceding|foregoing) \w+|the (?:answer|statement|sentence|item)s? above"
    r"|i (?:said|wrote))\b"
)
"""The beginning of a sentence about those before it."""
_OF_ONE = re.compile(r"(?i)\W*(?:this|that)")


def has_denial_sign(text: str) -> bool:
    """Whether a text contains a sign of denial or begins with an empty box."""
    if not text.isascii() and _DENYING.search(text):
        return True
    return any(each in text for each in _IN_DENIED) and _DENIED.search(text) is not None


def is_denied(line: str, bare: str) -> bool:
    """Whether a sign denies a line, given as written, and without its list mark."""
    return has_denial_sign(line) or has_denial_sign(bare)


def told_of(parts: Sequence[Part]) -> list[Part]:
    """The parts, each with what sentences behind say of it: `This is wrong.` of the one before, `None of these is
    right.` of all; of several that speak of all only the last is kept."""
    found = list(parts)
    of_all = 0
    for place, part in enumerate(parts):
        if part.citations or len(part.plain) > LONGEST_LEAD or not may_deny(part.plain):
            continue
        if of := _OF_BEFORE.match(part.plain):
            if not _OF_ONE.fullmatch(of[0]):
                of_all = place
            elif place:
                found[place - 1] = _with(found[place - 1], part.plain)
    return [*(_with(part, parts[of_all].plain) for part in found[:of_all]), *found[of_all:]]


def _with(part: Part, said: str) -> Part:
    return part._replace(about=f"{part.about}\n{said}".strip())
