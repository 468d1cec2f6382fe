"""What stands beside a refusal: context, which the verifier finds in the documents, or a guess."""

from __future__ import annotations

import pytest
from strict_cases import sample, values

NEAR = "The river of Lyon is the Rhone."
REFUSES = "The documents do not say which cities are meant."
UNANSWERABLE = sample((0, 0), question="Which cities are meant?")


@pytest.mark.parametrize(
    ("text", "told", "refused"),
    [
        (f"{REFUSES} {NEAR[:-1]} [2].", [("B", NEAR)], 1),  # a near miss that its document holds
        (f"{REFUSES} {NEAR[:-1]} [2].", [], 0),  # a guess that it does not hold
        (f"{REFUSES} It is Paris beyond any doubt [2].", [("B", "It is Paris beyond any doubt.")], 0),  # a gold answer
        (f"{REFUSES} Lyon [2].", [("B", "Lyon.")], 0),  # too short for context
        (f"{NEAR[:-1]} [2]. {REFUSES}", [("B", NEAR)], 1),  # the same before the refusal
        (f"{NEAR[:-1]} [2]. {REFUSES}", [], 0),  # a guess before the refusal
    ],
)
def test_what_the_cited_documents_entail_beside_a_refusal_is_context(
    text: str, told: list[tuple[str, str]], refused: int
):
    assert values(text, UNANSWERABLE, "strict", *told)["refused"] == refused


UNKNOWN_WORDS = "Spare me that open matter."


@pytest.mark.parametrize(
    ("told", "refused"),
    [
        ([], 0),
        ([("Which cities are meant?", UNKNOWN_WORDS)], 1),  # it claims nothing
    ],
)
def test_the_verifier_decides_whether_unknown_words_say_that_there_is_no_answer(
    told: list[tuple[str, str]], refused: int
):
    assert values(UNKNOWN_WORDS, UNANSWERABLE, "strict", *told)["refused"] == refused


@pytest.mark.parametrize(
    ("lack", "told", "answered"),
    [
        ("Nothing more can be said from the documents.", True, 1),  # the documents say so
        ("Nothing more can be said from the documents.", False, 0),
        (REFUSES, False, 0),
    ],
)
def test_a_refusal_beside_an_answer_completes_it_if_the_verifier_finds_it_true(lack: str, told: bool, answered: int):
    of = sample((1, 0), (0, 1))
    facts = [("A", "Paris it is."), *([(of.question, lack)] if told else [])]
    assert values(f"Paris it is [1]. {lack}", of, "strict", *facts)["answered"] == answered
