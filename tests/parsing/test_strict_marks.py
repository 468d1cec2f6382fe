"""Marks of citations that a text makes up, and what looks like one and is none."""

from __future__ import annotations

import pytest

from groundeval.metrics.profiles import STRICT
from groundeval.metrics.reading import Reading
from groundeval.records import Document, Example, Response

DOCS = tuple(Document(title, "text") for title in ("Alder Bridge", "Tarn", "McAdam's Roads", "Oke"))
OF = Example(id="q", question="How long is the bridge, and when was it opened?", docs=DOCS)
LONG, OPENED = "The bridge is 120 metres long", "It was opened in 1931"


def read(text: str) -> list[tuple[str, tuple[int, ...]]]:
    statements = Reading(Response.build(OF, text), STRICT, "em").statements
    return [(each.text.rstrip("."), tuple(index + 1 for index in each.citations)) for each in statements]


@pytest.mark.parametrize(
    "text",
    [
        f"{LONG} #1. {OPENED} #2.",
        f"{LONG} -> 1. {OPENED} -> 2.",
        f"{LONG} → [1]. {OPENED} → [2].",
        f"{LONG} ref. 1. {OPENED} ref. 2.",
        f"{LONG} /1/. {OPENED} /2/.",
        f"{LONG} citeturn0search1. {OPENED} citeturn0search2.",
        f"{LONG} \ue200cite\ue202turn0search1\ue201. {OPENED} \ue200cite\ue202turn0search2\ue201.",
        f"{LONG} — source: 1. {OPENED} — source: 2.",
        f"{LONG} 1️⃣. {OPENED} 2️⃣.",
        f"{LONG} ⑴. {OPENED} ⑵.",
        f"{LONG} (See Doc 1.) {OPENED} (See Doc 2.)",
        f'{LONG} [1, "Alder Bridge"]. {OPENED} [2, "Tarn"].',
        f"{LONG} (Alder Bridge, 1). {OPENED} (Tarn, 2).",
        f"Document 1 tells us that {LONG}. Document 2 tells that {OPENED}.",
        f"Only documents 1 and 2 speak of this. {LONG} [1]. {OPENED} [2].",
    ],
)
def test_a_mark_of_any_form_at_the_end_of_a_clause_cites(text: str) -> None:
    cited = [(said, by) for said, by in read(text) if not said.startswith("Only")]
    assert cited == [(LONG, (1,)), (OPENED, (2,))]


@pytest.mark.parametrize(
    "text",
    [f"- answer: {LONG}\n  source: 1\n- answer: {OPENED}\n  source: 2", f"{LONG}\nSource: 1\n\n{OPENED}\nSource: 2"],
)
def test_a_source_on_a_line_of_its_own_is_that_of_the_statement_before_it(text: str) -> None:
    assert [each for each in read(text) if each[0].lower() != "source:"] == [(LONG, (1,)), (OPENED, (2,))]


def test_marks_in_a_row_are_read_together() -> None:
    assert read(f"{LONG} {{1}}{{4}}. {OPENED} {{2}}.") == [(LONG, (1, 4)), (OPENED, (2,))]


@pytest.mark.parametrize(
    "text",
    [
        "It was opened in stage 2. It is long [1].",  # the text cites otherwise
        "It has 10^2 steps.",
        "It is the town's only one, and the fraction is 1/2.",
        "It ended with World War 2.",
        "See figure 2.",
        "It is #9.",  # there is no document 9
        "The ratio is \\frac{1}{2}.",
        'It says so [1, "Tarn"].',  # another document's title
    ],
)
def test_other_numbers_stay_in_the_text(text: str) -> None:
    assert not any(2 in by or 9 in by for _, by in read(text))
    assert "".join(said for said, _ in read(text)).count("2") == text.count("2") or "#9" in text or "Tarn" in text
