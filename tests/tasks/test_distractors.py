"""Distractors: seeded, never the example's own, never twice the same text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundeval.errors import DataError
from groundeval.records import Document, Example, QAPair
from groundeval.tasks.distractors import with_distractors


def examples(count: int, own: int = 1) -> list[Example]:
    return [
        Example(
            f"id{n}",
            f"Question {n}?",
            docs=tuple(Document(f"T{n}", f"text {n}.{k}", answers_found=(1,)) for k in range(own)),
            answers=((f"answer {n}",),),
        )
        for n in range(count)
    ]


@settings(max_examples=50, deadline=None)
@given(count=st.integers(5, 9), own=st.integers(0, 3), distractors=st.integers(1, 3), seed=st.integers(0, 99))
def test_every_example_keeps_its_documents_in_order_and_gets_others(
    count: int, own: int, distractors: int, seed: int
) -> None:
    before = [*examples(count, max(own, 1))[1:], *examples(1, own)]
    after = with_distractors(before, distractors, seed)
    assert after == with_distractors(before, distractors, seed)
    for old, new in zip(before, after, strict=True):
        mine, docs = old.docs or (), new.docs or ()
        texts = [document.text for document in docs]
        assert len(docs) == len(mine) + distractors
        assert len(set(texts)) == len(texts)
        assert tuple(document for document in docs if document in mine) == mine
        others = [document for document in docs if document not in mine]
        assert all(document.answers_found == (0,) for document in others)
        assert (new.id, new.question, new.answers) == (old.id, old.question, old.answers)


def test_the_seed_decides_what_is_drawn_and_where_it_stands() -> None:
    before = examples(30)
    assert with_distractors(before, 4, 1) != with_distractors(before, 4, 2)
    places = [
        (new.docs or ()).index((old.docs or ())[0])
        for old, new in zip(before, with_distractors(before, 4, 1), strict=True)
    ]
    assert set(places) == {0, 1, 2, 3, 4}


def test_what_is_drawn_never_changes_between_versions() -> None:
    [first, *_] = with_distractors(examples(10), 3, seed=1)
    assert [document.text for document in first.docs or ()] == ["text 2.0", "text 8.0", "text 5.0", "text 0.0"]


def test_documents_with_the_same_text_or_of_the_same_question_are_not_drawn() -> None:
    twin = Example("twin", "Question 0?", docs=(Document("other title", "a text of its own"),))
    copy = Example("copy", "Another question?", docs=(Document("other title", " text 0.0 "),))
    after = with_distractors([*examples(3), twin, copy], 2, seed=3)
    assert {document.text for document in after[0].docs or ()} == {"text 0.0", "text 1.0", "text 2.0"}


def test_too_few_documents_are_an_error_that_says_what_to_change() -> None:
    with pytest.raises(DataError, match=r'example "id0": 3 distractors .* have only 2 different documents'):
        with_distractors(examples(3), 3, seed=1)
    with pytest.raises(DataError, match="have only 0"):
        with_distractors([Example("a", "?", docs=()), Example("b", "??", docs=())], 1, seed=1)
    with pytest.raises(DataError, match="have only 2"):
        with_distractors(examples(3), 10**30, seed=1)


def test_a_pool_of_mostly_equal_documents_is_searched_to_its_end() -> None:
    same = [Example(f"s{n}", f"Same {n}?", docs=(Document("", "the same"),)) for n in range(500)]
    rare = [Example(f"r{n}", f"Rare {n}?", docs=(Document("", f"rare {n}"),)) for n in range(2)]
    after = with_distractors([*same[:250], *rare, *same[250:]], 2, seed=1)
    assert {d.text for d in after[0].docs or ()} == {"the same", "rare 0", "rare 1"}


def test_documents_that_are_drawn_hold_none_of_the_answers_that_short_answers_stand_for() -> None:
    before = [
        Example(
            f"id{n}",
            f"Question {n}?",
            docs=(Document(f"T{n}", f"text {n}", answers_found=(1, 0)),),
            qa_pairs=(QAPair("", ("a",)), QAPair("", ("b",))),
        )
        for n in range(4)
    ]
    docs = with_distractors(before, 2, seed=1)[0].docs or ()
    assert sorted(document.answers_found or () for document in docs) == [(0, 0), (0, 0), (1, 0)]
