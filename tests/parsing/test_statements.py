from __future__ import annotations

import pytest
from any_text import any_text
from hypothesis import given

from groundeval.parsing.statements import list_items, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Paris is large. Rome is old.", ("Paris is large.", "Rome is old.")),
        ("Dr. Smith lives in the U.S. and works.", ("Dr. Smith lives in the U.S. and works.",)),
        ("Paris is large. [1] Rome is old [2].", ("Paris is large.", "[1] Rome is old [2].")),
        ("Is it?! Yes!!", ("Is it?!", "Yes!", "!")),
        ("one line\nanother line", ("one line\nanother line",)),
        ("  padded.  ", ("  padded.",)),
        ("", ()),
        ("   \n ", ()),
    ],
)
def test_sentences_are_those_of_english_punkt(text: str, expected: tuple[str, ...]):
    assert sentences(text) == expected


@given(any_text)
def test_splitting_never_raises_and_sentences_stand_in_the_text_in_their_order(text: str):
    position = 0
    for sentence in sentences(text):
        assert sentence.strip()
        position = text.index(sentence, position) + len(sentence)


@given(any_text)
def test_nothing_but_white_space_is_lost_between_sentences(text: str):
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a, b, c.", ["a", "b", "c"]),
        ("a,b,,c", ["a", "b", "", "c"]),
        ("a, b, ... ", ["a", "b", ""]),
        ("a, b,.", ["a", "b"]),
        ("a.,", ["a."]),
        ("a [1], b [2].", ["a [1]", "b [2]"]),
        ("", [""]),
        (".,.", ["."]),
        (",", [""]),
    ],
)
def test_list_items_lie_between_commas_with_ends_stripped_once_each(text: str, expected: list[str]):
    assert list_items(text) == expected


@given(any_text)
def test_there_is_always_an_item_and_none_has_outer_space_or_commas(text: str):
    items = list_items(text)
    assert items
    assert all(item == item.strip() and "," not in item for item in items)
