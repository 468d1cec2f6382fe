"""Quick tests of what a text cannot hold: they agree with the searches that they spare."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from strict_text import strict_text

from groundeval.parsing.strict import foreign
from groundeval.parsing.strict.foreign import has_negation
from groundeval.parsing.strict.vocabulary import GONE, NEGATION, NOT, negations
from groundeval.parsing.strict.words import letters, words


def listed(pattern: str) -> list[str]:
    """Words that a pattern of alternatives lists, with what may be left out and without."""
    found = []
    for each in re.split(r"\|(?![^(]*\))", re.sub(r"\(\?![^()]*\)", "", pattern).strip("()?:")):
        short = re.sub(r"\(\?:[^()]*\)\??|\w\?", "", each)
        found += [re.sub(r"[?()\\:]", "", each), short]
    return [each for each in found if re.fullmatch(r"[a-z/' -]+", each)]


@pytest.mark.parametrize("word", [each for each in listed(NOT) + listed(GONE) if NEGATION.search(each)])
def test_each_negation_is_counted(word: str):
    assert negations(f"There is {word} here") == len(NEGATION.findall(f"There is {word} here")) > 0


@pytest.mark.parametrize(
    "text", ["It isn’t said", "They wont say", "It is Mıſſing", "N/A", "it declines to say", "l'impossible"]
)
def test_a_negation_is_counted_in_any_spelling(text: str):
    assert negations(text) == len(NEGATION.findall(text)) > 0


@given(strict_text)
def test_negations_are_counted_as_the_pattern_finds_them(text: str):
    assert negations(text) == len(NEGATION.findall(text))
    assert has_negation(text) == bool(foreign._ANY_NEGATION.search(text) or foreign._ABSENCES.search(text))


@pytest.mark.parametrize(
    "text",
    [
        "Das weiß niemand nicht",
        "On ne sait pas",
        "bu belgede yazmadi",
        "bilinmiyor",
        "nije navedeno",
        "mancano i dati",
        "yoktur",
    ],
)
def test_a_negation_of_another_language_is_found(text: str):
    assert has_negation(text)


def test_a_plain_text_has_none():
    assert not has_negation("The bridge is 1,410 metres long")
    assert negations("The bridge is 1,410 metres long") == 0


def test_letters_and_words():
    assert letters("It isn't 4th, K2") == {"it", "isn", "t", "th", "k"}
    assert words("It isn't 1,410 m") == words("It isn’t 1,410 m") == 4
