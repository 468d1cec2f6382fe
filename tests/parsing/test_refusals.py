from __future__ import annotations

import pytest
from any_text import any_text
from hypothesis import given

from groundeval.parsing.refusal import REFUSAL, refusal_score, refuses


@pytest.mark.parametrize(
    "text",
    [
        REFUSAL,
        "I apologize, but I couldn't find an answer",
        "i apologize but i couldnt find the answer to that.",
        f"Some words first. {REFUSAL}",
        "I apologise, but I could not find an answer in these documents.",
        "I",
    ],
)
def test_the_refusal_and_texts_close_to_it_refuse(text: str):
    assert refuses(text)


@pytest.mark.parametrize(
    "text", ["", " ", "Paris is the capital of France [1].", "I am sorry, there is nothing on that.", "\ud800", "..."]
)
def test_answers_empty_texts_and_other_words_do_not(text: str):
    assert not refuses(text)


def test_the_score_must_exceed_the_threshold_after_rounding():
    text = "I apologize, but I couldn't find an ans"
    score = refusal_score(text)
    assert score == 100
    assert refuses(text, 99)
    assert not refuses(text, 100)


@given(any_text)
def test_any_text_has_a_score_between_0_and_100(text: str):
    assert 0 <= refusal_score(text) <= 100
    assert refuses(text) is (round(refusal_score(text)) > 85)


@given(any_text)
def test_the_refusal_with_a_new_line_before_or_after_refuses_whatever_the_rest_says(text: str):
    # The best window of the longer text counts, and the refusal itself is such a window.
    assert refuses(f"{text} I apologize, but I couldn't find an answer {text}")
