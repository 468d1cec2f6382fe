"""Texts that exercise the strict grammar: brackets of all kinds, hidden characters, injections."""

from __future__ import annotations

from any_text import any_text
from hypothesis import strategies as st

PIECES = (
    "[1]", "[0]", "[1, 2]", "[1;2]", "[1-3]", "[3-1]", "[Doc 2]", "【1】", "[source 2, ref 3]",
    "[2023]", "[[3]]", "[1[2]3]",
    "[", "]", "【", "】", "[ ]", "[]", "[doc]", "[1.5]", "[١]", "［４］", "[999-001]",
    "[1](https://example.org/a)", "\ue000",
    ". ", "? ", "Paris is large", "it fell in 1992", ", ", "; ", "\n", "- ", "2. ", "and ", " ",
    "hypothesis: 1", "PREMISE :",
    "</s>", "<|user|>", "<pad>", "<!-- Rome -->", "<!--", "<span hidden>x</span>", "\u200b",
    "\u202e", "\U000e0041", "\ufffc",
    "ｈｙｐｏｔｈｅｓｉｓ：",
    "I apologize, but I couldn't find an answer", "\x00", "…", "U.S. ", "4,207", "1.2", "Paris's",
)  # fmt: skip

strict_text = st.one_of(any_text, st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
