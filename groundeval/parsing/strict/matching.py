"""Whether a text holds a gold answer, on token boundaries: `2` is not in `1992`, nor `12` in `1.2`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_INITIALS = re.compile(r"(?<=\b[^\W\d_])\.(?=[^\W\d_]\b)")
_APOSTROPHE = re.compile(r"['’ʼ](?!s\b)")
_TOKEN = re.compile(r"\d+(?:\.\d+)+|[^\W_]+")
_ARTICLES = frozenset(("a", "an", "the"))


def tokens(text: str) -> tuple[str, ...]:
    """Lower-cased words and numbers, without articles and punctuation.

    `4,207` is one number, `1.2` too; `U.S.` is `us`; the s of a genitive is a word of its own.
    """
    text = unicodedata.normalize("NFKC", text).lower()
    text = _APOSTROPHE.sub("", _INITIALS.sub("", _THOUSANDS.sub("", text)))
    return tuple(token for token in _TOKEN.findall(text) if token not in _ARTICLES)


@lru_cache(maxsize=65_536)
def alias_tokens(alias: str) -> tuple[str, ...]:
    """`tokens` of a gold alias, which come back again and again."""
    return tokens(alias)


def holds(aliases: Iterable[str], text: Sequence[str]) -> bool:
    """Does the text, as tokens, hold some alias as a run of whole tokens; an alias without tokens is ignored."""
    joined = f" {' '.join(text)} "
    return any(f" {' '.join(alias_tokens(alias))} " in joined for alias in aliases if alias_tokens(alias))


def equals(aliases: Iterable[str], text: Sequence[str]) -> bool:
    """Is the text, as tokens, some alias; an alias without tokens is ignored."""
    return any(alias_tokens(alias) == tuple(text) for alias in aliases if alias_tokens(alias))
