"""Cutting a premise that is too long for one input."""

from __future__ import annotations

from collections.abc import Iterator

from groundeval.parsing.statements import sentences


def by_words(text: str, size: int) -> list[str]:
    """Chunks of whole sentences, up to `size` words; a longer sentence is cut. A short text is one chunk."""
    if len(text.split()) <= size:
        return [text]
    chunks: list[list[str]] = []
    filled = size
    for part in _parts(text, size):
        length = len(part.split())
        if filled + length > size:
            chunks.append([])
            filled = 0
        chunks[-1].append(part)
        filled += length
    return [" ".join(chunk) for chunk in chunks]


def _parts(text: str, size: int) -> Iterator[str]:
    """The sentences, those of more than `size` words in pieces."""
    for sentence in sentences(text):
        words = sentence.split()
        if len(words) <= size:
            yield sentence
        else:
            yield from (" ".join(words[start : start + size]) for start in range(0, len(words), size))
