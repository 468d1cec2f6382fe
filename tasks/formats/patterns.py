"""Regular expressions of YAML tasks, which strangers may have written: one that explodes on a text is stopped."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

SECONDS = 1.0
"""For one text: a pattern that goes through it once takes milliseconds."""
MOST_CHARACTERS = 2_000
"""Of a pattern."""


@lru_cache(maxsize=64)
def pattern(text: str) -> Any:
    """A compiled regular expression, in Python's syntax. Raises ValueError, which says what is wrong with it."""
    # Imported here: most runs have no such pattern.
    import regex

    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"a regular expression of more than {MOST_CHARACTERS:,} characters")
    try:
        return regex.compile(text, regex.V0)
    except (regex.error, RecursionError, OverflowError, MemoryError) as error:
        raise ValueError(f"not a regular expression: {error}") from None


def removed(expression: str, text: str) -> str:
    """The text without what the expression matches. Raises TimeoutError after `SECONDS`."""
    found: str = pattern(expression).sub("", text, timeout=SECONDS)
    return found
