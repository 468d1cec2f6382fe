"""Special tokens that chat models write after an answer, which are not part of it."""

from __future__ import annotations

import pytest
from any_text import any_text
from hypothesis import given
from hypothesis import strategies as st

from groundeval.parsing.reasoning import ReasoningTags
from groundeval.parsing.reasoning_formats import KNOWN_TAGS
from groundeval.parsing.special_tokens import END_TOKENS, without_end_tokens
from groundeval.parsing.strict.visible import HIDDEN, visible

ANSWER = "Paris is large [1]."


@pytest.mark.parametrize("token", END_TOKENS)
def test_an_end_token_is_deleted_behind_a_text_and_nowhere_else(token: str):
    assert without_end_tokens(ANSWER + token) == ANSWER
    assert without_end_tokens(f"{ANSWER}{token}\n{token} {token}\n") == ANSWER
    assert without_end_tokens(f"Paris {token} is") == f"Paris {token} is"
    assert visible(ANSWER + token) == ANSWER, "strict reads the same table"
    assert HIDDEN in visible(f"Paris {token} is")


@given(any_text, st.lists(st.sampled_from(END_TOKENS), min_size=1).map("".join))
def test_deleting_end_tokens_deletes_all_of_them_and_only_them(text: str, ends: str):
    plain = without_end_tokens(text)
    assert text.startswith(plain)
    assert without_end_tokens(plain) == plain
    assert without_end_tokens(text + ends) == plain


@pytest.mark.parametrize(
    "text", [ANSWER, f"{ANSWER} \n", "", "a <end> b", "[eos]", "<EOS>", "see [PADDING]", "</answer>", "<|assistant|>"]
)
def test_what_is_no_end_token_stays(text: str):
    assert without_end_tokens(text) == text


@pytest.mark.parametrize("tags", [tags for tags in KNOWN_TAGS if tags != ReasoningTags.harmony()])
def test_the_tags_of_reasoning_and_answer_stay(tags):
    text = f"{tags.think_open}Hm.{tags.think_close}{tags.answer_open}Yes.{tags.answer_close}"
    assert without_end_tokens(f"{text}<|im_end|>") == text
    assert without_end_tokens(f"Hm.{tags.think_close}<|im_end|>") == f"Hm.{tags.think_close}"


def test_a_long_tail_of_padding_is_deleted():
    assert without_end_tokens(ANSWER + "<|endoftext|>" * 50_000) == ANSWER
