"""The five string rules of the originals against a second implementation, on any text: no difference.

The slow test tries 5,000 texts for each rule, others in each run.
"""

from __future__ import annotations

import original_rules as original
import pytest
from any_text import any_text
from hypothesis import example, given, settings
from hypothesis import strategies as st

from groundeval.metrics.lists import list_scores, predictions
from groundeval.parsing.citations import citations, remove_citations
from groundeval.parsing.normalize import normalize, present
from groundeval.parsing.refusal import REFUSAL, REFUSAL_PATTERN, refusal_score, refuses
from groundeval.parsing.statements import list_items

NO_DOCUMENT = 1_000
"""An index beyond which numbers need not be told apart: no list of documents is so long."""

WORDS = (*REFUSAL.split(), "sorry", "Paris", "not", "could", "determine", "any", "answer", "unable", "a", "An", "THE")

marked = st.lists(
    st.one_of(
        st.sampled_from(
            ["[", "]", " [", " |", "|", "[1", "[2]", "[]2", "[[1]2020]", "1", "٣", " ", "[0]", "a", ",", "."]
        ),
        st.text(max_size=2),
    ),
    max_size=15,
).map("".join)
"""Text full of what looks like citations."""

worded = st.lists(
    st.sampled_from([*WORDS, "_", "a.", "(an)", "the-", "é", "e\u0301", ",", ".", "\n"]), max_size=20
).map(" ".join)
"""Text of the words of refusals and of articles."""


@st.composite
def damaged_refusal(draw: st.DrawFn) -> str:
    """The refusal with characters changed, lost and added, between other words."""
    letters = list(REFUSAL[: draw(st.integers(5, len(REFUSAL)))])
    for _ in range(draw(st.integers(0, 12))):
        place = draw(st.integers(0, len(letters) - 1))
        letters[place] = draw(st.sampled_from(["", "a", "n", " ", "an ", "not ", "[1]", letters[place] * 2]))
    around = st.lists(st.sampled_from(WORDS), max_size=10).map(" ".join)
    return f"{draw(around)} {''.join(letters)} {draw(around)}"


text = st.one_of(any_text, marked, worded, damaged_refusal())
gold = st.lists(
    st.lists(st.one_of(worded, st.sampled_from(["", "...", "Paris", "a", "An"])), max_size=3), min_size=1, max_size=7
)


def compare_all(output: str, answers: list[list[str]]) -> None:
    """Every rule, both ways."""
    assert normalize(output) == original.normalized(output)
    for aliases in answers:
        assert present(aliases, normalize(output)) is original.is_present(aliases, output)
    assert [min(each, NO_DOCUMENT) for each in citations(output)] == [
        min(each, NO_DOCUMENT) for each in original.cited(output)
    ]
    assert remove_citations(output) == original.without_citations(output)
    wanted = original.refusal(REFUSAL_PATTERN, output)
    assert refusal_score(output) == wanted
    assert refuses(output) is (wanted > 85)
    assert list_items(output) == original.items(output)
    found = list_scores(predictions(output), answers)
    assert (found.num_preds, found.prec, found.rec, found.rec_top5) == pytest.approx(
        original.list_precision_and_recall(output, answers)
    )


@given(text, gold)
@settings(max_examples=300, deadline=None)
@example("I apologize, but I couldn't determine an answer.", [["answer"]])
@example("[]2 [[1]2020] x [ [3", [["2"]])
def test_no_difference_to_a_second_implementation(output: str, answers: list[list[str]]) -> None:
    compare_all(output, answers)


@pytest.mark.slow
@given(text, gold)
@settings(max_examples=5_000, deadline=None)
def test_no_difference_to_a_second_implementation_in_5_000_texts(output: str, answers: list[list[str]]) -> None:
    compare_all(output, answers)
