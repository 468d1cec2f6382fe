"""Finding gold answers on token boundaries."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from strict_text import strict_text

from groundeval.parsing.strict.guesses import states
from groundeval.parsing.strict.matching import equals, holds, tokens


@pytest.mark.parametrize(
    ("alias", "text"),
    [
        ("Paris", "It is Paris."),
        ("Paris", "It is Paris's best."),
        ("Paris", "the Paris-based firm"),
        ("Paris", "Paris–London"),
        ("the United States", "in United States of America"),
        ("4,207 metres", "about 4207 metres high"),
        ("4207 metres", "about 4,207 metres high"),
        ("U.S.", "the US army"),
        ("US", "the U.S. army"),
        ("L'Orfeo", "his opera L’Orfeo was"),
        ("H. G. Wells", "by H. G. Wells"),
        ("H.G. Wells", "by H.G. Wells."),
        ("9 November 1989", "on 9 November 1989."),
        ("ﬁve", "five of them"),
    ],
)
def test_an_alias_is_found_however_it_is_punctuated(alias: str, text: str):
    assert holds([alias], tokens(text))


@pytest.mark.parametrize(
    ("alias", "text"),
    [
        ("2", "in 1992"),
        ("2", "4,207"),
        ("207 metres", "4,207 metres"),
        ("12 million", "1.2 million"),
        ("2", "1.2"),
        ("Oslo", "in Osloer"),
        ("Rome", "Romeo"),
        ("art", "party"),
        ("...", "anything at all"),
        ("the", "the cat"),
        ("", "anything at all"),
        ("Paris London", "Paris and London"),
    ],
)
def test_an_alias_inside_a_longer_word_or_number_or_without_tokens_is_not_found(alias: str, text: str):
    assert not holds([alias], tokens(text))


def test_an_item_must_be_the_whole_alias():
    assert equals(["The Harvesters"], tokens("Harvesters"))
    assert not equals(["Harvesters"], tokens("The Harvesters of 1565"))
    assert not equals([""], tokens("..."))


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("It was founded in 1209.", True),
        ("It was founded in 1209 or 1215.", False),
        ("It was founded in 1215 or 1209.", False),
        ("It was founded in 1215, or 1209, or so.", False),
        ("It was founded in 1209 or the 13th century.", True),
        ("It was founded in 1209 or 1636.", True),
        ("It was founded in 1209, more or less.", True),
        ("It was founded in 1209, or in 1209 or 1215.", False),
        ("It was founded in 12090 or 1215.", False),
        ("Or 1209.", False),
        ("It was founded in 1209 or so.", True),
        ("It was founded in 1209 or later.", True),
        ("It was founded in 1207, 1209, 1211 or 1215.", False),
        ("It was founded in 1209, in 1211, or in 1215.", False),
        ("It was founded in one of 1207, 1208, 1209.", False),
        ("It is one of the oldest, founded in 1209, and grew in 1211, 1212 and 1213.", True),
        ("It was founded in 1209, in wood or stone.", True),
        ("It was founded in 1209, by 4,207 men or women.", True),
    ],
)
def test_an_alias_beside_an_or_is_a_guess_unless_the_other_side_is_a_gold_answer_too(text: str, stated: bool):
    assert states(["1209", "13th century"], text, [["1209", "13th century"], ["1636"], [""]]) is stated


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("The designer is among Baker, Fowler, Arrol.", False),
        ("Baker, Fowler, Arrol or Brunel designed it.", False),
        ("It was designed by Fowler, an engineer, in brick or stone.", True),
        ("One of Scotland's great engineers, John Fowler, designed it.", True),
        ("It was designed by Fowler, among others.", True),
    ],
)
def test_a_name_in_a_list_to_choose_from_is_a_guess(text: str, stated: bool):
    assert states(["Fowler"], text, [["John Fowler", "Fowler"]]) is stated


def test_a_list_of_gold_answers_is_no_choice():
    gold = [["Fowler"], ["Baker"], ["Arrol"]]
    assert all(states(answer, "Fowler, Baker or Arrol designed it.", gold) for answer in gold)
    assert all(states(answer, "The designers are among Fowler, Baker, Arrol.", gold) for answer in gold)


@pytest.mark.parametrize(
    "text", ["1890, " * 30_000, "1890 or " * 25_000, "1889, " * 30_000 + "1890, one of ", "," * 200_000]
)
def test_long_lists_are_read_in_no_time(text: str):
    started = time.perf_counter()
    states(["1890"], text, [["1890"]])
    assert time.perf_counter() - started < 2


@given(strict_text)
def test_a_text_holds_itself_if_it_has_tokens(text: str):
    found = tokens(text)
    assert holds([text], found) == equals([text], found) == bool(found)
