"""Counting words, in any script, and a quick test of what a text cannot hold."""

from __future__ import annotations

import re

from groundeval.parsing.remembered import remembered

_LETTERED = r"\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = rf"[^\W_{_LETTERED}]"
_WORD = re.compile(
    rf"[{_LETTERED}]|(?:{_RUN}|[\u2460-\u24ff\U0001F100-\U0001F1FF])+(?:[.,]\d+)*(?:['’]{_RUN}{{1,2}}(?!{_RUN}))?"
)

_PLAIN_WORD = re.compile(r"[A-Za-z0-9]+(?:[.,][0-9]+)*(?:'[A-Za-z0-9]{1,2}(?![A-Za-z0-9]))?")
"""The same in ASCII."""
_LETTERS = re.compile(r"[^\W\d_]+")
_PLAIN_LETTERS = re.compile(r"[a-z]+")
_ALIKE = str.maketrans("ſKİı", "skii")
"""Letters that patterns without regard to case take for plain ones."""


@remembered(16_384)
def words(text: str) -> int:
    """The number of words: runs of letters and digits, whatever separates them; each character of Chinese,
    Japanese, Thai and the like is one."""
    return len((_PLAIN_WORD if text.isascii() else _WORD).findall(text))


@remembered(8_192)
def letters(text: str) -> frozenset[str]:
    """The runs of letters of a text, in small letters; `isn't` has two.

    Without a word among them a text cannot match a pattern that needs the word; to look is cheaper than to search.
    """
    if text.isascii():
        return frozenset(_PLAIN_LETTERS.findall(text.lower()))
    return frozenset(_LETTERS.findall(text.translate(_ALIKE).lower()))
