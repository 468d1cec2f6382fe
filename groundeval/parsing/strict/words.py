"""Counting words, in any script."""

from __future__ import annotations

import re

_LETTERED = r"\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = rf"[^\W_{_LETTERED}]"
_WORD = re.compile(
    rf"[{_LETTERED}]|(?:{_RUN}|[\u2460-\u24ff\U0001F100-\U0001F1FF])+(?:[.,]\d+)*(?:['’]{_RUN}{{1,2}}(?!{_RUN}))?"
)


def words(text: str) -> int:
    """The number of words: runs of letters and digits, whatever separates them; each character of Chinese,
    Japanese, Thai and the like is one."""
    return sum(1 for _ in _WORD.finditer(text))
