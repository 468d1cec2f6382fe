"""Letters in their plain form: full-width, mathematical, circled and joined ones, and Latin ones without accents."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_FORMS = frozenset(
    (
        "<wide>",
        "<narrow>",
        "<font>",
        "<circle>",
        "<initial>",
        "<medial>",
        "<final>",
        "<isolated>",
        "<noBreak>",
    )
)
"""Compatibility forms that are variants of the same letter; superscripts, subscripts and fractions are not."""

_DEGREES = frozenset("℃℉")


def folded(text: str) -> str:
    """The text with full-width, mathematical, circled and joined letters and figures in their plain form, and units of
    one sign as several: `㎡` as `m²`."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", "".join(map(_plain, text)))


@lru_cache(maxsize=4_096)
def _plain(character: str) -> str:
    if 0x1F100 <= ord(character) < 0x1F200:
        name = unicodedata.name(character, "")
        found = re.search(r"(?:NEGATIVE|REGIONAL|SQUARED|PARENTHESIZED).* LETTER ([A-Z])$", name)
        return found[1] if found else character
    form, *letters = unicodedata.decomposition(character).split(" ")
    if form == "<square>" or character in _DEGREES:
        return "".join(chr(int(letter, 16)) for letter in letters)
    if form in _FORMS or (form == "<compat>" and character.isalpha()):
        return unicodedata.normalize("NFKC", character)
    return character


@lru_cache(maxsize=4_096)
def without_accent(character: str) -> str:
    """A Latin letter without its accent: `Nausicaä` may be written without."""
    form, *accent = unicodedata.decomposition(character).split(" ")
    return without_accent(chr(int(form, 16))) if accent and ord(character) < 0x250 and form[0] != "<" else character
