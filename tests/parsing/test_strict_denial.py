"""Statements that the text around them denies: by a heading, a lead-in, a label, a key or a later sentence."""

from __future__ import annotations

import pytest

from groundeval.parsing.strict.disowned import calls_false, says_what_is_not
from groundeval.parsing.strict.items import items
from groundeval.parsing.strict.part import Part
from groundeval.parsing.strict.statements import sentences
from groundeval.parsing.strict.visible import visible

WHEN = "When was the Forth Bridge opened?"
WHY = "Why did the old mill collapse?"
MOONS = "Which moons did Galileo discover?"
OPENED = "It was opened on 4 March 1890 [1]."


def denies(about: str, question: str) -> bool:
    return calls_false(about, question) or says_what_is_not(about, question)


def cited_and_not_denied(parts: tuple[Part, ...], question: str) -> list[int]:
    return [part.citations[0] + 1 for part in parts if part.citations and not denies(part.about, question)]


@pytest.mark.parametrize(
    "above",
    [
        "Wrong dates",
        "Dates often given by mistake:",
        "Popular fallacies",
        "Dates that have been disproved:",
        "I don't believe the following:",
        "None of the following is right:",
        "In a fictional timeline:",
        "When it was not opened",
        "Not the date:",
        "Dates not supported by evidence:",
        "Any year except:",
        "Falsche Angaben:",
    ],
)
def test_a_heading_denies_what_it_calls_false_or_what_is_not_asked(above: str):
    assert denies(above, WHEN)


@pytest.mark.parametrize(
    "above",
    [
        "Opening",
        "Myths and facts",
        "Misconceptions debunked",
        "Contrary to a common misconception, it was opened on:",
        "The exact hour is not known, but the day is:",
        "There is no single date:",
        "Not only the bridge but also the station:",
        "No later than 1890:",
        "It opened in Scotland, not in Wales:",
        "Although the architect is not named, the documents say:",
        "The documents do not give the hour, only:",
        "Not to be confused with the Tay Bridge:",
        "Why it was not opened in 1889",
        "Was it not opened earlier?",
        "Beyond doubt:",
        "This is no myth:",
        "None of these is wrong.",
    ],
)
def test_a_heading_that_tells_what_is_so_denies_nothing(above: str):
    assert not denies(above, WHEN)


@pytest.mark.parametrize(
    ("above", "question"),
    [
        ("Countries that are not members:", "Which countries are not members of the EU?"),
        ("Non-members", "Which countries do not belong to the union?"),
        ("Common misconceptions:", "What are common myths about bats?"),
        ("Rejected proposals:", "Which proposals were rejected?"),
        ("Metals other than iron:", "Which metals other than iron are magnetic?"),
        ("What went wrong", WHY),
        ("Errors of the builders:", WHY),
        ("Wrong measurements", WHY),
        ("Not enough timber", WHY),
        ("A wheel that could not turn", WHY),
    ],
)
def test_a_heading_may_name_what_the_question_asks_for(above: str, question: str):
    assert not denies(above, question)


@pytest.mark.parametrize("above", ["False reasons", "Myths", "Incorrect explanations:", "What did not collapse"])
def test_causes_may_be_errors_and_false_reasons_are_no_causes(above: str):
    assert denies(above, WHY)


def test_a_document_that_speaks_of_what_is_false_explains_the_heading():
    assert calls_false("Rejected designs", WHEN)
    assert not calls_false("Rejected designs", WHEN, "A rejected design had three towers.")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"# Myths\n{OPENED}\n\n# Facts\nIt is red [2].", [2]),
        (f"# Myths\n## Opening\n{OPENED}", []),
        (f"**Common errors**\n\n1. {OPENED}\n2. It is red [2].", []),
        (f"Common myths:\n- It sways [2].\n- It is blue [3].\n\n{OPENED}", [1]),
        (f"- Myths:\n  - It sways [2].\n- Opening: {OPENED}", [1]),
        (f"- Common misconceptions\n  - {OPENED}", []),
        (f"The following is false.\n\n{OPENED}", []),
        (f"All of the following is wrong. {OPENED}", []),
        (f"Myth: it sways [2]. {OPENED}", [1]),
        (f"A common misconception: {OPENED}", []),
        (f"False — {OPENED}", []),
        (f"{OPENED} It is red [2]. None of this is true.", []),
        (f"{OPENED} It is red [2]. All of this is true.", [1, 2]),
        (f"{OPENED} Some say that it sways [2]. This is a myth.", [1]),
        ('{"wrong_dates": ["3 March 1890 [2]"], "opened": "4 March 1890 [1]"}', [1]),
        ('{"rows": [{"myth": "It sways", "sources": [2]}, {"fact": "It is red", "sources": [1]}]}', [1]),
        ('{"myth": "It sways [2]"}\n{"fact": "It is red [1]"}', [1]),
        (f"It is wrong to think that it sways [2]. {OPENED}", [2, 1]),
    ],
)
def test_what_a_denial_reaches(text: str, kept: list[int]):
    assert cited_and_not_denied(sentences(visible(text)), WHEN) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Moons not discovered by Galileo: Io [1], Europa [2].", []),
        ("Moons that Galileo discovered: Io [1], Europa [2].", [1, 2]),
        ("**Not discovered by Galileo**\n- Io [1]\n- Europa [2]", []),
        ("Not discovered by Galileo: Titan [3], Rhea [3].\nDiscovered: Io [1], Europa [2].", [1, 2]),
        ("Io [1], Europa [2]. None of these is right.", []),
        ("Io [1], Europa [2]. None of them was discovered by Galileo.", []),
        ("Io [1], Europa [2]. These are all of them.", [1, 2]),
        ("Io [1], Europa [2]. None of them has an atmosphere like that of the Earth.", [1, 2]),
        ("False killer whale, Io [1], Europa [2]", [1, 2]),
        ('{"not_discovered_by_galileo": ["Io [1]", "Europa [2]"]}', []),
    ],
)
def test_what_a_denial_reaches_in_a_list(text: str, kept: list[int]):
    assert cited_and_not_denied(items(visible(text)), MOONS) == kept
