"""Text as the string metrics compare it (docs/metrics.md; the SQuAD normalisation)."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from functools import lru_cache

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_LOWER = bytes(range(256)).lower()
_PUNCTUATION_BYTES = string.punctuation.encode("ascii")
_WORDS_AND_SPACES = (string.ascii_letters + string.digits + string.whitespace).encode("ascii")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def normalize(text: str) -> str:
    """Lower-case, delete ASCII punctuation, turn a, an, the into spaces, collapse whitespace; in this order."""
    if text.isascii():
        plain = text.encode("ascii").translate(_LOWER, _PUNCTUATION_BYTES)
        if not plain.translate(None, _WORDS_AND_SPACES):
            return _without_articles(plain).decode("ascii")
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _without_articles(text: bytes) -> bytes:
    """For a text of ASCII letters, digits and spaces, where words end at spaces and nowhere else: in half the time
    that looking for word boundaries takes."""
    # A space on either side of each word, so that of articles in a row each has its own.
    spaced = b" " + b"  ".join(text.split()) + b" "
    for article in (b" a ", b" an ", b" the "):
        spaced = spaced.replace(article, b"")
    return spaced.replace(b"  ", b" ").strip()


@lru_cache(maxsize=65_536)
def normalized_alias(alias: str) -> str:
    """`normalize` for the short texts that come back again and again: gold aliases."""
    return normalize(alias)


@lru_cache(maxsize=4_096)
def normalized_document(text: str) -> str:
    """`normalize` for document texts, which several samples and metrics share."""
    return normalize(text)


def present(aliases: Iterable[str], normalized_text: str) -> bool:
    """Is any normalised alias a substring of the text (which the caller has normalised).

    An alias that normalises to nothing is present in everything, as in ALCE.
    """
    return any(normalized_alias(alias) in normalized_text for alias in aliases)


def printable(text: str) -> str:
    """The text as a tokenizer can take it: lone surrogates become U+FFFD, control characters spaces.

    Line ends become `\\n`; tabs stay. Scores are computed on the text as it is; what a model gets goes through here.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNPRINTABLE.sub(" ", _SURROGATE.sub("\ufffd", text))
