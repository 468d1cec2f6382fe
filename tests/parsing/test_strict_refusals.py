"""Refusals, answers, mixtures of both and outputs that say nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from strict_text import strict_text

from groundeval.parsing.refusal import REFUSAL, REFUSAL_PATTERN
from groundeval.parsing.strict.refusal import decide
from groundeval.parsing.strict.visible import visible

QUESTION = "Who wrote the play Hamlet?"
GOLD = [["Shakespeare", "William Shakespeare"]]


def outcome(text: str) -> str:
    return decide(text, QUESTION, GOLD).outcome


@pytest.mark.parametrize(
    "text",
    [
        REFUSAL,
        REFUSAL_PATTERN,
        f"{REFUSAL_PATTERN}.",
        REFUSAL.upper(),
        f"  {REFUSAL}\n",
        "I apologise, but I could not find an answer in the search results.",
        f"{REFUSAL_PATTERN} to your question in the documents provided.",
        f"{REFUSAL_PATTERN} as to who wrote the play Hamlet in the given passages.",
        f"Unfortunately, {REFUSAL}",
    ],
)
def test_a_refusal_in_its_usual_wordings_refuses_and_says_little_besides(text: str):
    assert outcome(text) == "refused"
    assert decide(text, QUESTION, GOLD).beside <= 1


@pytest.mark.parametrize("text", ["I", "an answer", "I apologize", "find", "but I couldn't", "couldn't find an answer"])
def test_a_part_of_the_refusal_is_no_refusal(text: str):
    assert outcome(text) == "answered"


@pytest.mark.parametrize(
    "text",
    [
        f"{REFUSAL} Marlowe wrote it in 1600.",
        f"{REFUSAL} Marlowe [1].",
        f"{REFUSAL} Shakespeare.",
        f"Shakespeare. {REFUSAL}",
        f"It was Marlowe [2]. {REFUSAL}",
        f"{REFUSAL_PATTERN}, but my own guess would be Christopher Marlowe of Canterbury.",
        "I apologize, but I couldn't find an answer, it is Shakespeare, in the search results.",
        f'He said "{REFUSAL}" [1].',
        f'The old man said to her "{REFUSAL_PATTERN}" and left the room.',
        f"{REFUSAL}\n\nMarlowe, Kyd, Greene and Nashe",
        f"{REFUSAL_PATTERN}, Hamlet wrote the play who.",
        f"{REFUSAL_PATTERN} to your question Hamlet wrote the play who.",
        f"{REFUSAL_PATTERN} but Hamlet wrote the play who.",
        f"Who wrote the play Hamlet: {REFUSAL}",
    ],
)
def test_a_refusal_with_an_answer_before_behind_or_inside_it_is_mixed(text: str):
    assert outcome(text) == "mixed"


def test_three_words_besides_are_no_answer_unless_they_hold_a_gold_one_but_they_are_counted():
    assert decide(f"{REFUSAL} Marlowe did it.", QUESTION, GOLD) == decide(f"{REFUSAL} Kyd did it.", QUESTION, GOLD)
    assert decide(f"{REFUSAL} Marlowe did it.", QUESTION, GOLD).beside == 3
    assert decide(f"{REFUSAL} Marlowe.", QUESTION, GOLD).beside == 1
    assert decide(f"{REFUSAL} [1]", QUESTION, GOLD).beside == 1
    assert decide(f"{REFUSAL} Who wrote it?", QUESTION, GOLD).beside == 3
    assert decide(visible(f"{REFUSAL} <!-- Shakespeare -->"), QUESTION, GOLD).beside == 1
    assert decide("I apologize, but I couldn't find Marlowe.", QUESTION, GOLD).beside >= 1


def test_a_gold_answer_that_the_question_holds_does_not_mix_a_refusal():
    assert decide(f"{REFUSAL_PATTERN} to who wrote Hamlet.", QUESTION, [["Hamlet"]]).outcome == "refused"


@pytest.mark.parametrize("text", ["", " \n", "[1]", "...", "[1][2]."])
def test_an_output_without_a_statement_is_void(text: str):
    assert outcome(text) == "void"


@pytest.mark.parametrize("verb", ["could", "could now", "couldn't not"])
def test_who_found_an_answer_does_not_refuse(verb: str):
    assert outcome(REFUSAL.replace("couldn't", verb)) == "answered"


def test_a_refusal_said_twice_is_one_with_a_word_besides():
    assert decide(f"{REFUSAL} {REFUSAL}", QUESTION, GOLD) == decide(f"{REFUSAL} Kyd.", QUESTION, GOLD)


@pytest.mark.parametrize("text", ["Shakespeare [1].", "The documents do not say who wrote it.", "Marlowe"])
def test_anything_else_answers(text: str):
    assert outcome(text) == "answered"


@given(strict_text)
def test_every_text_has_one_outcome(text: str):
    found = decide(text, QUESTION, GOLD)
    assert found.outcome in ("answered", "refused", "mixed", "void")
    assert found.beside >= 0
