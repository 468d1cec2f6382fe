from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError

import pytest
from any_text import any_text
from hypothesis import given
from hypothesis import strategies as st

from groundeval.records import Document, Example, QAPair, Response, as_premise

EXAMPLE = Example("1", "Where?")


@pytest.mark.parametrize(
    ("raw", "prefill", "status", "text", "reasoning"),
    [
        ("Paris.", "", "ok", "Paris.", None),
        ("", "", "empty", "", None),
        (" \n ", "", "empty", " \n ", None),
        ("<think>a</think>", "", "empty", "", "a"),
        ("<think>a</think> \n", "", "empty", "", "a"),
        ("<think>a", "", "unclosed_reasoning", "", "a"),
        ("a</think>b", "<think>", "ok", "b", "a"),
        ("so b", "<think>\n", "unclosed_reasoning", "", "so b"),
        ("<think>a</think><answer></answer>", "", "empty", "", "a"),
        ("\n\nParis.", "<think>\n</think>", "ok", "Paris.", ""),
    ],
)
def test_a_response_is_split_with_what_the_template_began_put_back_in_front(
    raw: str, prefill: str, status: str, text: str, reasoning: str | None
):
    response = Response.build(EXAMPLE, raw, prefill=prefill, finish_reason="stop")
    assert (response.status, response.text, response.reasoning) == (status, text, reasoning)
    assert response.raw == prefill + raw
    assert response.finish_reason == "stop"


@given(any_text, st.sampled_from(["", "<think>", "<think>\n"]))
def test_building_never_raises_and_only_empty_answers_have_a_status_other_than_ok(raw: str, prefill: str):
    response = Response.build(EXAMPLE, raw, prefill=prefill)
    assert (response.status == "ok") is bool(response.text.strip())
    assert response.raw == prefill + raw


def test_a_failed_response_keeps_its_reason_and_no_text():
    response = Response.failed(EXAMPLE, "out of memory")
    assert (response.status, response.text, response.raw, response.finish_reason) == ("error", "", "", "out of memory")


def test_records_cannot_be_changed_and_pickle():
    response = Response.build(Example("1", "Where?", docs=(Document("T", "x", answers_found=(1,)),)), "Paris.")
    with pytest.raises(FrozenInstanceError):
        response.text = "Rome."  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(response)) == response
    assert hash(response.example) == hash(pickle.loads(pickle.dumps(response.example)))


def test_a_premise_is_the_title_line_then_the_short_form_where_there_is_one():
    long, short = Document("T", "long text"), Document("S", "long text", sent="short")
    assert long.premise == "Title: T\nlong text"
    assert short.premise == "Title: S\nshort"
    assert as_premise((long, short), (1, 0, 1)) == "Title: S\nshort\nTitle: T\nlong text\nTitle: S\nshort"
    assert as_premise((long, short), (-1,)) == "Title: S\nshort"
    assert as_premise((long,), ()) == ""


def test_an_empty_short_form_is_still_the_premise():
    assert Document("T", "long", sent="").premise == "Title: T\n"


def test_references_are_at_most_two_annotations_else_the_answer_else_none():
    assert Example("1", "?", annotations=("a", "b", "c"), answer="d").references == ("a", "b")
    assert Example("1", "?", annotations=(), answer="d").references == ("d",)
    assert Example("1", "?", answer="").references == ("",)
    assert Example("1", "?").references == ()


def test_an_answer_is_supported_if_any_document_holds_it():
    docs = (Document("", "", answers_found=(1, 0, 0)), Document("", "", answers_found=(0, 1, 0)))
    example = Example("1", "?", docs=docs, qa_pairs=(QAPair("", ("x",)),))
    assert example.supported == (True, True, False)
    assert example.answerable
    assert Example("1", "?", docs=(Document("", "", answers_found=(0, 0)),)).supported == (False, False)
    assert not Example("1", "?", docs=(Document("", "", answers_found=(0, 0)),)).answerable
    assert Example("1", "?", docs=()).supported == Example("1", "?").supported == ()
    assert not Example("1", "?", docs=(Document("", ""),)).answerable
