"""The stemmer against NLTK's, which defines the stems of ROUGE."""

from __future__ import annotations

import string
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from groundeval.parsing.stemming import stem

LETTERS = string.ascii_lowercase + string.digits
ENDINGS = (
    *("s", "ss", "sses", "ies", "ied", "eed", "ed", "ing", "y", "e", "ll", "at", "bl", "iz", "tt"),
    *("ational", "tional", "enci", "anci", "izer", "bli", "alli", "entli", "eli", "ousli", "ization", "ation", "ator"),
    *("alism", "iveness", "fulness", "ousness", "aliti", "iviti", "biliti", "fulli", "logi", "icate", "ative"),
    *("alize", "iciti", "ical", "ful", "ness", "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement"),
    *("ment", "ent", "ion", "sion", "tion", "ou", "ism", "ate", "iti", "ous", "ive", "ize"),
)
BEGINNINGS = st.text("aeiouytrnslz1", max_size=6) | st.text(LETTERS, max_size=8)
WORDS = st.builds(
    lambda beginning, endings: beginning + "".join(endings), BEGINNINGS, st.lists(st.sampled_from(ENDINGS), max_size=3)
)


@lru_cache(maxsize=1)
def nltk_stemmer() -> Any:
    from nltk.stem.porter import PorterStemmer

    return PorterStemmer()


@settings(deadline=None)
@given(st.lists(WORDS.filter(bool), min_size=1, max_size=50))
@example(["skies", "dying", "innings", "howe", "news", "proceed"])
@example(["dies", "flies", "died", "spied", "enjoy", "happy", "spy", "by", "geologi", "theologi"])
@example(["yyyyyy", "y", "yy", "sayyed", "toyed", "ying", "111s", "1990s", "2nd"])
def test_every_word_has_the_stem_that_nltk_gives_it(words: list[str]):
    assert [stem(word) for word in words] == [nltk_stemmer().stem(word) for word in words]


@pytest.mark.parametrize(
    ("word", "expected"),
    [("caresses", "caress"), ("relational", "relat"), ("hopping", "hop"), ("filing", "file"), ("controll", "control")],
)
def test_words_of_porters_paper(word: str, expected: str):
    assert stem(word) == expected
