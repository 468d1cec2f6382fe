"""The words of a command line before they are parsed."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ASSIGNS = re.compile(r"[A-Za-z_]\w*=")


def with_flag_repeated(words: Sequence[str], flag: str) -> list[str]:
    """A command line in which a flag may be followed by several words NAME=VALUE: it is put before each of them."""
    found: list[str] = []
    follows = False
    for word in words:
        if follows and found[-1] != flag and _ASSIGNS.match(word):
            found.append(flag)
        follows = word == flag or (follows and (found[-1] == flag))
        found.append(word)
    return found
