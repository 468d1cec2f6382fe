"""Splitting into statements as profile `strict` does, and which statement a citation belongs to."""

from __future__ import annotations

import pytest
from hypothesis import given
from strict_text import strict_text

from groundeval.parsing.strict.citations import citations
from groundeval.parsing.strict.statements import items, sentences, words


def split(text: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(part.plain, part.citations) for part in sentences(text)]


def test_a_citation_after_the_full_stop_belongs_to_the_sentence_before_it():
    assert split("Paris is large. [1] Rome is old [2].") == [("Paris is large.", (0,)), ("Rome is old.", (1,))]
    assert split("Paris is large.[1]Rome is old.[2]") == [("Paris is large.", (0,)), ("Rome is old.", (1,))]
    assert split("Paris is large. [1].") == [("Paris is large.", (0,))]
    assert split("Paris is large.\n[1]\nRome is old.") == [("Paris is large.", (0,)), ("Rome is old.", ())]


def test_citations_before_their_sentences_belong_to_them_if_a_line_uses_them_so():
    assert split("[1] Paris is large. [2] Rome is old.") == [("Paris is large.", (0,)), ("Rome is old.", (1,))]
    assert split("[1] Paris is large [2]. Rome is old [3].") == [("Paris is large.", (0, 1)), ("Rome is old.", (2,))]


@pytest.mark.parametrize("text", ["", " ", "[1]", "[1] [2].", "...", "---", "!? [3]", "\n\n"])
def test_a_text_without_letters_or_digits_has_no_statement(text: str):
    assert sentences(text) == items(text) == ()


def test_every_line_is_split_for_itself_and_its_list_mark_dropped():
    text = "1. Paris is large [1]\n- Rome is old [2]\n# Bonn\n  * 3 rivers meet [3]"
    assert split(text) == [("Paris is large", (0,)), ("Rome is old", (1,)), ("Bonn", ()), ("3 rivers meet", (2,))]


def test_citations_do_not_disturb_abbreviations():
    assert split("Dr. [1] Smith came [2].") == [("Dr. Smith came.", (0, 1))]


def test_items_are_separated_by_commas_semicolons_and_lines_but_not_within_citations():
    found = [(part.plain, part.citations) for part in items("Paris [1, 2], Rome, [3] Bonn; Kiel [4].\n- Ulm [5]")]
    assert found == [("Paris", (0, 1)), ("Rome", (2,)), ("Bonn", ()), ("Kiel", (3,)), ("Ulm", (4,))]


def test_empty_items_are_none():
    assert [part.plain for part in items("Paris,, ., Rome,")] == ["Paris", "Rome"]


def test_words_are_runs_with_a_letter_or_digit():
    assert words("It `` is '' 3 . metres -- high") == 5
    assert words("It—was—opened_in/1890") == 5
    assert words("It's 4,207.5 metres, isn’t it") == 5
    assert words("東京は大きい") == 6


@given(strict_text)
def test_no_citation_is_lost_or_counted_twice_as_long_as_there_is_a_statement(text: str):
    for parts in (sentences(text), items(text)):
        cited = tuple(index for part in parts for index in part.citations)
        assert cited == (citations(text) if parts else ())
        assert all(citations(part.plain) == () for part in parts)
        assert all(any(map(str.isalnum, part.plain)) for part in parts)
