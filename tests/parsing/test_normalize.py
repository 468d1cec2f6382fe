from __future__ import annotations

import re
import string

import pytest
from any_text import any_text
from hypothesis import given
from hypothesis import strategies as st

from groundeval.parsing.normalize import normalize, normalized_alias, normalized_document, present, printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Eiffel Tower", "eiffel tower"),
        ("A cat, an owl & the dog.", "cat owl dog"),
        ("theory of an anthill", "theory of anthill"),
        ("4,207 metres", "4207 metres"),
        ("U.S.A.", "usa"),
        ("the-the", "thethe"),
        ("  many\t\nspaces ", "many spaces"),
        ("É «quoted» …", "é «quoted» …"),
        ("The A an", ""),
        ("a.b", "ab"),
        ("", ""),
    ],
)
def test_normalisation_lowers_drops_punctuation_and_articles_and_collapses_space(text: str, expected: str):
    assert normalize(text) == expected


def test_punctuation_goes_before_articles_so_that_a_dotted_a_is_no_article():
    assert normalize("a.m.") == "am"
    assert normalize("(a) dog") == "dog"


PIECES = [*"aAtT9_.'- \t\n\v\x1c\x01\x7f", "an", "the", "The", "tower", "’", "é", "\xa0", "[1]"]


@given(any_text | st.lists(st.sampled_from(PIECES)).map("".join))
def test_the_short_way_for_plain_text_gives_what_the_definition_gives(text: str):
    plain = "".join(character for character in text.lower() if character not in string.punctuation)
    assert normalize(text) == " ".join(re.sub(r"\b(a|an|the)\b", " ", plain).split())


@given(any_text)
def test_normalised_text_has_no_ascii_punctuation_no_articles_and_single_spaces(text: str):
    result = normalize(text)
    assert not set(result) & set(string.punctuation)
    assert not {"a", "an", "the"} & set(result.split())
    assert result == " ".join(result.split())


@given(any_text)
def test_normalisation_is_stable_for_text_without_dotted_capitals(text: str):
    # Lower-casing a dotted capital I yields two characters, and its own lower-casing is stable only from then on.
    once = normalize(text.lower())
    assert normalize(once) == once


@given(any_text)
def test_the_remembered_forms_are_the_same_function(text: str):
    assert normalized_alias(text) == normalized_document(text) == normalize(text)


def test_an_alias_is_present_as_a_substring_of_normalised_text_even_inside_a_longer_word():
    text = normalize("Born in 1992, in the Netherlands.")
    assert present(["The Netherlands"], text)
    assert present(["nobody", "1992"], text)
    assert present(["2"], text)
    assert not present(["Belgium"], text)
    assert not present([], text)


@pytest.mark.parametrize("alias", ["The", "...", "", "a - an"])
def test_an_alias_that_normalises_to_nothing_is_present_in_everything(alias: str):
    assert present([alias], "anything")
    assert present([alias], "")


@given(any_text)
def test_printable_text_can_be_encoded_and_stays_as_it_is_the_second_time(text: str):
    shown = printable(text)
    shown.encode("utf-8")
    assert printable(shown) == shown


def test_printable_text_keeps_tabs_and_makes_line_ends_plain():
    assert printable("a\tb\r\nc\x00d\x1be\ud800") == "a\tb\nc d e\ufffd"
