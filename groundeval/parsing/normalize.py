"""Text as the string metrics compare it (METRICS.md section 1; the SQuAD normalisation)."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from functools import lru_cache

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def normalize(text: str) -> str:
    """Lower-case, delete ASCII punctuation, replace the words a, an, the by a space, collapse whitespace; in this order."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


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
    """The text with lone surrogates and control characters replaced by U+FFFD, for models and servers that choke on them.

    Tabs and line ends stay. Scores are computed on the text as it is; only what is sent to a model goes through here.
    """
    return _CONTROL.sub("\ufffd", text)
