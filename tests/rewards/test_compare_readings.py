"""The tool that compares how two checkouts read real outputs."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

TOOL = runpy.run_path(str(Path(__file__).resolve().parents[2] / "tools" / "compare_readings.py"))
READING = {"outcome": "answered", "total": 0.5, "statements": [["It is so.", [0]]]}


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({}, False),
        ({"total": 0.505}, False),
        ({"statements": [["It is so", [0]]]}, False),
        ({"total": 0.6}, True),
        ({"outcome": "refused"}, True),
        ({"statements": [["It is so.", [1]]]}, True),
    ],
)
def test_a_reading_is_changed_if_its_outcome_citations_or_reward_are(change: dict[str, Any], changed: bool) -> None:
    assert TOOL["is_changed"](READING, {**READING, **change}) is changed


def test_passages_keep_the_number_of_their_citation() -> None:
    claims = [{"evidence": ["[3] https://a\n\nThird."]}, {"evidence": None}, {"evidence": ["[1] First."]}]
    assert TOOL["_evidence"]({"claims": claims}) == [("", "First."), ("", "-"), ("", "https://a\n\nThird.")]


def test_outputs_are_scored_with_the_groundeval_that_is_imported() -> None:
    sample = {
        "set": "asqa", "id": "1", "kind": "em", "question": "Who painted the chapel?", "utility": None,
        "docs": [["Chapel", "Anna Berg painted the chapel in 1702."]], "answers": [["Anna Berg"]],
    }  # fmt: skip
    given = [
        {**sample, "output": "The chapel was painted by Anna Berg [1]."},
        {**sample, "output": "The documents do not say."},
    ]
    answered, refused = TOOL["score"](given, "lexical")
    assert (answered["outcome"], answered["total"], answered["statements"][0][1]) == ("answered", 1.0, [0])
    assert (refused["outcome"], refused["total"]) == ("refused", 0.0)
    assert json.loads(json.dumps(answered)) == answered
