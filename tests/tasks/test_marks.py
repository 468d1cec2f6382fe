"""Citations that are kept beside a text become marks where a reader would put them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundeval.parsing.citations import citations, remove_citations
from groundeval.parsing.statements import sentences
from groundeval.tasks.formats.outputs.marks import Span, with_marks

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
