"""Outputs with the typical damage of model outputs, from a seed: text that defeats the parsers' fast paths."""

from __future__ import annotations

import random
from collections.abc import Callable

SHARE = 0.15
"""Share of the words that are damaged."""

_INSERTED = (
    "[1, 2]",
    "[1-3]",
    "[]2",
    "[[1]2020]",
    "【1】",
    "[99]",
    "...",
    "«",
    "\u00a0",
    "\u200b",
    "東京",
    "Ελλάδα",
    "😀",
)
_CHANGES: tuple[Callable[[str, random.Random], str], ...] = (
    lambda word, rng: f"{word} {rng.choice(_INSERTED)}",
    lambda word, rng: f"{rng.choice(_INSERTED)}{word}",
    lambda word, rng: f"{word} {word}",
    lambda word, rng: f"“{word}”",
    lambda word, rng: word.replace("[", " [ ").replace(".", " . ").replace("'", "’"),
    lambda word, rng: word.upper(),
    lambda word, rng: f"{word}\u2028",
)


def damaged(text: str, seed: int) -> str:
    """The text with some words doubled, quoted, joined or followed by odd marks; the same for the same seed."""
    rng = random.Random(seed)
    words = [rng.choice(_CHANGES)(word, rng) if rng.random() < SHARE else word for word in text.split(" ")]
    return " ".join(words)
