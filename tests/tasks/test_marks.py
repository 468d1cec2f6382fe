"""Citations that are kept beside a text become marks where a reader would put them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundeval.errors import DataError
from groundeval.parsing.citations import citations, remove_citations
from groundeval.parsing.statements import sentences
from groundeval.tasks.formats.outputs.marks import Span, with_marks
from groundeval.tasks.formats.outputs.parts import Misfit
from groundeval.tasks.formats.predictions import read_predictions

TWO = "Paris is large. Rome is old."


@pytest.mark.parametrize(
    ("text", "spans", "expected"),
    [
        (TWO, [(0, 15, (0,))], "Paris is large [1]. Rome is old."),
        (TWO, [(0, 16, (0,))], "Paris is large [1]. Rome is old."),
        (TWO, [(0, 28, (2,))], "Paris is large [3]. Rome is old [3]."),
        (TWO, [(0, 15, (0, 1)), (0, 15, (1, 2))], "Paris is large [1][2][3]. Rome is old."),
        (TWO, [(0, 5, (0,))], "Paris [1] is large. Rome is old."),
        (TWO, [(15, 15, (0,))], "Paris is large [1]. Rome is old."),
        (TWO, [(14, 14, (0,))], "Paris is large [1]. Rome is old."),
        (TWO, [(28, 28, (0,))], "Paris is large. Rome is old [1]."),
        (TWO, [(-5, 999, (0,))], "Paris is large [1]. Rome is old [1]."),
        (TWO, [], TWO),
        ('He said "yes." She left.', [(0, 14, (0,))], 'He said "yes [1]." She left.'),
        ("It is 3.5 km, or so.", [(0, 13, (0,))], "It is 3.5 km [1], or so."),
        ("- one\n- two\n", [(0, 12, (0,))], "- one [1]\n- two [1]\n"),
        ("No stop", [(0, 7, (0,))], "No stop [1]"),
        ("", [(0, 0, (0,))], "[1]"),
        ("It is so【4:0†a】. And so.", [(8, 15, (0,))], "It is so [1]. And so."),
        ("It is so.【4:0†a】 And so.", [(9, 16, (0,))], "It is so [1]. And so."),
        ("It is so. ([a.com](https://a.com/x)) Yes.", [(11, 35, (1,))], "It is so [2]. Yes."),
        ("It is so. [a](https://a.com/x) Yes.", [(10, 30, (1,)), (0, 9, (0,))], "It is so [2][1]. Yes."),
    ],
)
def test_a_mark_stands_at_the_end_of_what_cites_before_the_stop(
    text: str, spans: list[tuple[int, int, tuple[int, ...]]], expected: str
):
    assert with_marks(text, [Span(*span) for span in spans]) == expected


SENTENCES = st.lists(st.sampled_from(["Paris is large.", "It has 3.5 million people.", "Is it?", "No!"]), min_size=1)


@given(SENTENCES, st.data())
def test_marks_change_no_statement_and_cite_what_was_cited(said: list[str], data: st.DataObject):
    text = " ".join(said)
    number = data.draw(st.integers(0, len(said) - 1))
    start = len(" ".join([*said[:number], ""])) if number else 0
    marked = with_marks(text, [Span(start, start + len(said[number]), (4,))])
    assert [remove_citations(each) for each in sentences(marked)] == list(sentences(text))
    assert [citations(each) for each in sentences(marked)][number] == (4,)


@given(st.text(), st.lists(st.tuples(st.integers(-9, 99), st.integers(-9, 99), st.just((0, 1)))))
def test_no_span_of_any_text_raises(text: str, spans: list[tuple[int, int, tuple[int, int]]]):
    with_marks(text, [Span(*span) for span in spans])


def test_every_sentence_of_a_long_text_can_be_cited_by_a_span_of_its_own():
    sentence = "It was built here. "
    count = 4_000
    spans = [Span(number * len(sentence), number * len(sentence) + 6, (number,)) for number in range(count)]
    marked = with_marks(sentence * count, spans)
    assert marked == "".join(f"It was [{number + 1}] built here. " for number in range(count))


def test_spans_that_would_take_hours_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("groundeval.tasks.formats.outputs.marks._MOST_STEPS", 100_000)
    text = "It is old. " * 100
    assert with_marks(text, [Span(0, len(text), (number,)) for number in range(10)]).count("]") == 1_000
    for hostile in (text, "." * 2_000 + "x", " " * 2_000 + "x", '."' * 1_000):
        with pytest.raises(Misfit, match="citations"):
            with_marks(hostile, [Span(number % 3, len(hostile) - number % 5, (number,)) for number in range(5_000)])


def test_marks_that_overlap_take_no_text_with_them():
    text = "It is old ([t](http://a.b))【2†x】) and large."
    shown = [Span(10, 27, (0,)), Span(27, 32, (1,)), Span(10, 32, (2,))]
    assert with_marks(text, shown) == "It is old [1][2][3]) and large."


def test_spans_that_name_no_numbers_are_named(tmp_path: Path):
    file = tmp_path / "log.json"
    span = {"end": "the end", "sources": [0]}
    file.write_text(
        json.dumps([{"question": "q", "content": "It is old.", "spans": [span], "sources": [{"text": "x"}]}])
    )
    with pytest.raises(DataError, match=r"log\.json"):
        list(read_predictions(file))
