"""Inline citations: reading them and taking them out (docs/metrics.md, the grammar of ALCE and Trust-Score)."""

from __future__ import annotations

import re

_CITATION = re.compile(r"\[(\d+)")
_SPACED_CITATION = re.compile(r" \[\d+")
_BARE_CITATION = re.compile(r"\[\d+")
_MAX_DIGITS = 9


def citations(text: str) -> tuple[int, ...]:
    """0-based document indices of all `[N` in the text, in order, repetitions kept.

    `[0]` is index -1, which the original evaluators take for the last document; `[1, 2]` and `[1-3]` cite only the
    first; `[Doc 1]` cites nothing. Digits are those of any script, as in the originals. A number of more than nine
    digits is no document's: it becomes an index that no list of documents has.
    """
    return tuple(map(_index, _CITATION.findall(text)))


def _index(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        digits = digits.lstrip("0") or "0"
    return int(digits) - 1 if len(digits) <= _MAX_DIGITS else 10**_MAX_DIGITS


def remove_citations(text: str) -> str:
    """The text without citations: ` [N`, then `[N`, then every ` |`, then every `]` deleted (ALCE)."""
    if "[" in text:
        text = _BARE_CITATION.sub("", _SPACED_CITATION.sub("", text))
    return text.replace(" |", "").replace("]", "")
