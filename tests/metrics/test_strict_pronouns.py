"""Pronouns for a person of whom the cited documents do not speak."""

from __future__ import annotations

import pytest

from groundeval.metrics.profiles import strict_sentences
from groundeval.metrics.strict.pronouns import mistakes_person
from groundeval.records import Document

DOCS = (Document("Ada Ross", "Ross won in 1901 and in 1903."), Document("Jo Lee", "Jo Lee won in 1905."))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ada Ross won in 1901 [1]. She won again in 1905 [2].", [False, True]),
        ("Ada Ross won in 1901 [1]. She won again in 1903 [1]. She won in 1905 [2].", [False, False, True]),
        ("Ada Ross won in 1901 [1]. She won again in 1903 [1].", [False, False]),
        ("Ada Ross won in 1901 [1]. Jo Lee won in 1905 [2].", [False, False]),
        ("The race was won by Ada Ross [1]. She won again in 1905 [2].", [False, False]),
        ("She won in 1905 [2].", [False]),
        ("Ada Ross won in 1901 [1]. She won again in 1905.", [False, False]),
    ],
)
def test_a_pronoun_for_the_last_name_needs_a_document_that_names_it(text: str, expected: list[bool]):
    statements = strict_sentences(text)
    assert [mistakes_person(place, statements, DOCS) for place in range(len(statements))] == expected
