"""Texts that a model may produce: any text, with a higher share of those that are hard to parse."""

from __future__ import annotations

from hypothesis import strategies as st

from groundeval.parsing.refusal import REFUSAL

SNIPPETS = (
    "[1]", "[0]", "[12", "[1, 2]", "[1-3]", "[Doc 1]", "[[3]]", "[٣]", "[²]", "[" + "9" * 5000 + "]", " |", "]", "[",
    "<think>", "</think>", "<answer>", "</answer>", "<|im_end|>", "<|endoftext|>", "\ud800", "\udfff", "\x00", "\x1b",
    "\u2028", "\r\n", "\n", "\t", " ", "...", "?!", "!!", "Dr. ", "e.g. ", "the ", "a ", ",", ".", ":", REFUSAL,
    "İ", "ﬁ", "Paris is large. ", "\u200b", "😀", "e\u0301",
)  # fmt: skip

any_character = st.characters(exclude_categories=())
"""Every code point, lone surrogates and control characters included."""

any_text = st.one_of(
    st.text(any_character, max_size=60),
    st.lists(st.one_of(st.sampled_from(SNIPPETS), st.text(any_character, max_size=4)), max_size=12).map("".join),
)
