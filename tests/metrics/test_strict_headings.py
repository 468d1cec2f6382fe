"""Headings and lead-ins that claim something of their own, and those that only name what follows."""

from __future__ import annotations

import pytest
from metric_cases import document, example, score
from strict_cases import Literal

QUESTION = "How long is the Aare tunnel?"
BRIDGES = document("The Kander bridge is 88.5 m long. Ida Blum designed it.", [0], title="Kander Bridge")
TUNNEL = document("The tunnel is 1,207 m long and was dug in 1931.", [1], title="Aare")
SAMPLE = example(QUESTION, docs=[BRIDGES, TUNNEL], answers=[["1,207 m"]])
ANSWER = "The Aare tunnel is 1,207 m long [2]."
TOLD = ((TUNNEL.premise, "The Aare tunnel is 1,207 m long."), (TUNNEL.premise, "Length: 1,207 m"))


def useful(output: str) -> float:
    found = score(SAMPLE, output, profile="strict", kind="em", nli=Literal(*TOLD)).values["useful"]
    assert found is not None
    return found


@pytest.mark.parametrize(
    "heading",
    [
        "**Answer: 1,207 m**",
        "# Final answer: 1207 m",
        "# Length of the tunnel",
        "**Key figures**",
        "# The tunnel of 1931",
        "**Facts of the 20th century**",
        "Here is the length:",
        "# Is it 999 m long?",
        "**Answer**",
        "**Aare**",
        "## How Long It Is",
        "The tunnel is 1.207 km long:",
    ],
)
def test_a_heading_that_repeats_the_answer_or_names_its_subject_costs_hardly_anything(heading: str):
    assert useful(f"{heading}\n\n{ANSWER}") > 0.95


@pytest.mark.parametrize(
    "heading",
    [
        "**Answer: 88.5 m**",
        "# Final answer: 1,270 m",
        "**Answer: not 1,207 m**",
        "**Answer: the Kander bridge**",
        "**The tunnel is 1,270 m long**",
        "# It is 88.5 m long",
        "The tunnel is 1,270 m long:",
        "**Ida Blum**",
        "## Kander Bridge",
    ],
)
def test_a_heading_that_gives_another_answer_is_a_claim_without_support(heading: str):
    assert useful(f"{heading}\n\n{ANSWER}") < 0.6
    assert useful(f"{ANSWER}\n\n{heading}") < 0.6


def test_a_name_over_what_its_document_says_is_a_heading():
    other = "Ida Blum designed it [1]."
    assert useful(f"{ANSWER}\n\n**Kander Bridge**\n{other}") > 0.98 * useful(f"{ANSWER}\n\n{other}")


@pytest.mark.parametrize(
    ("over", "pays"),
    [
        ("Length of the tunnel", True),
        ("Common errors", False),
        ("Lengths that it does not have:", False),
        ("Myths", False),
    ],
)
def test_an_answer_below_a_heading_that_denies_it_is_not_given(over: str, pays: bool):
    assert (useful(f"# {over}\n\n- Length: 1,207 m [2]") > 0) == pays
