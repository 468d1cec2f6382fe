"""Text as the string metrics compare it (docs/metrics.md; the SQuAD normalisation)."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable

from groundeval.parsing.remembered import remembered

_PUNCTUATION = string.punctuation.encode("ascii")
_ARTICLE = re.compile(r"\b(?:an?|the)\b")
_ARTICLES = frozenset(("a", "an", "the"))
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NOT_FOR_MODELS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_ASCII_PRINTABLE = bytes(32 if _UNPRINTABLE.match(chr(code)) else code for code in range(256))


def normalize(text: str) -> str:
    """Lower-case, delete ASCII punctuation, turn a, an, the into spaces, collapse whitespace; in this order."""
    # In UTF-8 no byte of another character is an ASCII one, and bytes are translated by a table: `str.translate` looks
    # every character up in a dictionary.
    plain = text.lower().encode("utf-8", "surrogatepass").translate(None, _PUNCTUATION)
    words = plain.decode("utf-8", "surrogatepass").split()
    if not "".join(words).isalnum():
        words = _ARTICLE.sub(" ", " ".join(words)).split()
    elif not _ARTICLES.isdisjoint(words):
        # Words end at spaces and nowhere else, so that there are no boundaries to look for.
        words = [word for word in words if word not in _ARTICLES]
    return " ".join(words)


@remembered(65_536)
def normalized_alias(alias: str) -> str:
    """`normalize` for gold aliases: short texts that recur, so the results are cached."""
    return normalize(alias)


@remembered(4_096)
def normalized_document(text: str) -> str:
    """`normalize` for document texts, which several samples and metrics share."""
    return normalize(text)


def present(aliases: Iterable[str], normalized_text: str) -> bool:
    """Whether any normalised alias is a substring of the text (which the caller has normalised).

    An alias that normalises to nothing is present in everything, as in ALCE.
    """
    return any(normalized_alias(alias) in normalized_text for alias in aliases)


def printable(text: str) -> str:
    """The text made safe for a tokenizer: lone surrogates become U+FFFD, control characters spaces.

    Line ends become `\\n`; tabs stay. Scores are computed on the text as it is; model inputs pass through here.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        # A table of bytes is ten times as fast as a search, and every prompt passes through here.
        return text.encode("ascii").translate(_ASCII_PRINTABLE).decode("ascii")
    if _NOT_FOR_MODELS.search(text) is None:
        return text
    return _UNPRINTABLE.sub(" ", _SURROGATE.sub("\ufffd", text))
