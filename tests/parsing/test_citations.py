from __future__ import annotations

import pytest
from any_text import any_text
from hypothesis import given

from groundeval.parsing.citations import citations, remove_citations


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Paris is large [1].", (0,)),
        ("Paris [2][1] is large [2].", (1, 0, 1)),
        ("[0]", (-1,)),
        ("[1, 2]", (0,)),
        ("[1-3]", (0,)),
        ("[1;2] [3", (0, 2)),
        ("[Doc 1] [a] [] [-1] [ 1]", ()),
        ("[[4]]", (3,)),
        ("[2023 report]", (2022,)),
        ("[007]", (6,)),
        ("[٣]", (2,)),
        ("【1】", ()),
        ("", ()),
    ],
)
def test_a_citation_is_an_opening_bracket_with_digits_behind_it(text: str, expected: tuple[int, ...]):
    assert citations(text) == expected


@pytest.mark.parametrize("digits", ["9" * 10, "9" * 5_000, "1" + "0" * 100_000])
def test_a_number_too_long_for_any_list_of_documents_cites_a_document_that_nobody_has(digits: str):
    [index] = citations(f"x [{digits}]")
    assert index >= 10**9


def test_leading_zeros_do_not_make_a_number_long():
    assert citations("[00000000000000000002]") == (1,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Paris is large [1].", "Paris is large."),
        ("Paris[1] is[2] large", "Paris is large"),
        ("Paris  [1] is", "Paris  is"),
        ("a [1, 2] b", "a, 2 b"),
        ("a [1-3] b", "a-3 b"),
        ("a [Doc 1] b", "a [Doc 1 b"),
        ("either | or", "either or"),
        ("odd ]] brackets", "odd  brackets"),
        ("a [1][2][3]. B", "a. B"),
        ("[1] a", " a"),
        ("", ""),
    ],
)
def test_citations_are_removed_by_the_four_deletions_of_alce(text: str, expected: str):
    assert remove_citations(text) == expected


@given(any_text)
def test_reading_citations_never_raises_and_agrees_with_the_number_of_opening_brackets_with_digits(text: str):
    found = citations(text)
    assert len(found) <= text.count("[")
    assert all(type(index) is int and index >= -1 for index in found)


@given(any_text)
def test_what_is_left_without_citations_has_no_closing_bracket_and_no_new_characters(text: str):
    left = remove_citations(text)
    assert "]" not in left
    rest = iter(text)
    assert all(character in rest for character in left), "removal must only delete"


@given(any_text, any_text)
def test_citations_of_two_texts_with_a_letter_between_are_those_of_both(first: str, second: str):
    assert citations(f"{first}x{second}") == citations(first) + citations(second)
