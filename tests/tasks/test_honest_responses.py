"""Reference responses built from gold data."""

from __future__ import annotations

from groundeval.parsing.refusal import REFUSAL
from groundeval.records import Document, Example
from groundeval.tasks.reference import cited, reference_response


def example(*docs: Document, answers: tuple[tuple[str, ...], ...]) -> Example:
    return Example("1", "a question", docs=docs, answers=answers)


def test_every_supported_answer_is_stated_with_the_first_document_that_holds_it() -> None:
    found = example(
        Document("A", "Nothing here.", answers_found=(0, 0)),
        Document("B", "The tower is tall. It has 90 steps.", answers_found=(1, 0)),
        Document("C", "It opened in 1820.", answers_found=(0, 1)),
        answers=(("90 steps",), ("1820",)),
    )
    assert reference_response(found, "em") == "It has 90 steps [2]. It opened in 1820 [3]."
    assert reference_response(found, "list") == "90 steps [2], 1820 [3]."


def test_an_answer_that_an_earlier_sentence_states_gets_no_sentence_of_its_own() -> None:
    found = example(
        Document("A", "It has 90 steps and opened in 1820.", answers_found=(1, 1)),
        Document("B", "It opened in 1820.", answers_found=(0, 1)),
        answers=(("90 steps",), ("1820",)),
    )
    assert reference_response(found, "em") == "It has 90 steps and opened in 1820 [1]."


def test_a_sentence_that_holds_the_answer_as_a_word_is_preferred() -> None:
    found = example(
        Document("A", "The Europeans came late. The road crosses Europe.", answers_found=(1,)), answers=(("Europe",),)
    )
    assert reference_response(found, "em") == "The road crosses Europe [1]."


def test_where_no_document_holds_an_answer_the_honest_response_refuses() -> None:
    assert reference_response(example(Document("A", "Text.", answers_found=(0,)), answers=(("x",),)), "em") == REFUSAL


def test_a_citation_stands_before_the_full_stop_and_the_quotation_mark_behind_it() -> None:
    assert cited("It is so.", 0) == "It is so [1]."
    assert cited("He said: it is so.''", 1) == "He said: it is so [2].''"
    assert cited("Is it so?!", 0) == "Is it so [1]?!"
    assert cited("a name", 2) == "a name [3]"
    assert cited("It is so [4].", 0) == "It is so [1]."
