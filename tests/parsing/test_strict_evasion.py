"""Wordings that hold a gold answer without asserting it."""

from __future__ import annotations

import pytest

from groundeval.parsing.strict.evasion import evades

DOCUMENTS = "The canal was opened on 17 November 1869. It is more than 160 kilometres long. It may be the oldest."


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("The canal was opened no later than 17 November 1869.", "17 November 1869"),
        ("The canal was opened in the period 1700–1869.", "1869"),
        ("It has between one and fifteen players.", "fifteen"),
        ("It has 15 players or fewer.", "15"),
        ("It has at least one of fifteen and eleven players.", "fifteen"),
        ("Unless it was Reed, it was Lind.", "Lind"),
        ("Perhaps it was Lind.", "Lind"),
        ("It was Lind, or else Reed.", "Lind"),
        ("It was Lind 0r Reed.", "Lind"),
        ("It was n0t Lind.", "Lind"),
        ("Apparently it was Lind.", "Lind"),
        ("It was Lind versus Reed.", "Lind"),
        ("Candidates: Lind, Reed.", "Lind"),
        ("It was built in 1801–1869.", "1869"),
        ("It takes within 45 minutes.", "45 minutes"),
    ],
)
def test_choices_hedges_and_bounds_evade(text: str, written: str):
    assert evades(text, written, "", DOCUMENTS)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("The canal was opened on 17 November 1869.", "17 November 1869"),
        ("It is more than 160 kilometres long.", "160 kilometres"),
        ("It may be the oldest canal.", "oldest"),
        ("Lind was one of the engineers.", "Lind"),
        ("A team has 15 players unless some have been sent off.", "15"),
        ("It was designed no later by anybody else than Lind.", "Lind"),
        ("It was opened in 1869, ten years before the bridge.", "1869"),
        ("The B10 bus and the 101 stop here.", "101"),
    ],
)
def test_plain_assertions_and_what_the_documents_word_so_do_not(text: str, written: str):
    assert not evades(text, written, "", DOCUMENTS)


def test_a_bound_that_the_documents_set_is_none():
    assert evades("It has up to 15 players.", "15", "", "It has 15 players.")
    assert not evades("It has up to 15 players.", "15", "", "It has up to 15 players.")
    assert not evades("It was probably Lind.", "Lind", "", "The designer was probably Lind.")


def test_a_bound_is_the_answer_where_the_question_asks_for_one():
    assert evades("It is at most 60 mg.", "60 mg", "How much is a dose?", "The ceiling is 60 mg.")
    assert not evades("It is at most 60 mg.", "60 mg", "What is the maximum dose?", "The ceiling is 60 mg.")
    assert not evades("It is at most 60mg.", "60mg", "How much is a dose?", "It is no more than 60 mg.")


PROBES = "Mariner 4 flew past Mars on 15 July 1965. In 1961 it was planned. Ice melts at 0 °C."
FLOWN = "15 July 1965"


@pytest.mark.parametrize(
    "text",
    [
        "Mariner 4 — 15 July 1965",
        "mariner 4 - 15 July 1965",
        "Data of Mariner 4 – 15 July 1965",
        "Sent from Cape Kennedy – 15 July 1965",
        "Mariner 4—15 July 1965",
    ],
)
def test_a_dash_behind_a_known_name_with_a_number_makes_no_range(text: str):
    assert not evades(text, FLOWN, "When did it fly past Mars?", PROBES)


@pytest.mark.parametrize(
    "text",
    [
        "Between 4 – 15 July 1965",
        "It was 14 – 15 July 1965",
        "In 1961 – 15 July 1965",
        "June 4 – 15 July 1965",
        "Mariner 3 – 15 July 1965",
        "from spring 1961 CE – 15 July 1965",
    ],
)
def test_any_other_number_before_a_dash_is_the_lower_end_of_a_range(text: str):
    assert evades(text, FLOWN, "When did it fly past Mars?", PROBES)


@pytest.mark.parametrize(
    "text",
    [
        "Perhaps unsurprisingly, it flew past Mars on 15 July 1965.",
        "Perhaps more importantly, it flew past Mars on 15 July 1965.",
        "You might be surprised to learn that it was 15 July 1965.",
        "It may come as a surprise that it was 15 July 1965.",
        "Contrary to what many people may think, it was 15 July 1965.",
        "It came earlier than you might expect: on 15 July 1965.",
        "As one might guess, it was 15 July 1965.",
        "You may have heard of Mariner 4, which flew past Mars on 15 July 1965.",
        "Mariner 4, perhaps the most famous of the early probes, flew past Mars on 15 July 1965.",
        "Arguably the best known of its kind, it flew past Mars on 15 July 1965.",
        "The probe, otherwise known as Mariner-Mars, flew past on 15 July 1965.",
    ],
)
def test_words_that_hedge_something_else_than_the_answer_do_not_evade(text: str):
    assert not evades(text, FLOWN, "When did it fly past Mars?", PROBES)


@pytest.mark.parametrize(
    "text",
    [
        "Perhaps on 15 July 1965.",
        "Perhaps, surprisingly, on 15 July 1965.",
        "Perhaps surprisingly on 15 July 1965.",
        "Perhaps possibly, it was 15 July 1965.",
        "It might be surprising if it was not 15 July 1965.",
        "You may have heard that it was 15 July 1965.",
        "One might expect 15 July 1965.",
        "You might think that it was 15 July 1965.",
        "It was, perhaps the most famous date 15 July 1965, a Thursday.",
        "Perhaps surprisingly, it was possibly 15 July 1965.",
    ],
)
def test_a_hedge_of_the_answer_evades(text: str):
    assert evades(text, FLOWN, "When did it fly past Mars?", PROBES)


def test_a_hedge_of_what_is_asked_evades():
    text = "Mariner 4, perhaps the most famous probe, flew past Mars."
    assert evades(text, "Mariner 4", "Which probe is the most famous?", PROBES)
    assert not evades(text, "Mariner 4", "Which probe flew past Mars?", PROBES)
