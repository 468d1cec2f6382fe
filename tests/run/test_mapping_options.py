"""Options that are mappings: a wrong value is a message that names it, in every public function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import groundeval

RECORDS = [{"frage": "Who?", "kontext_1": "It was Verdi.", "kontext_2": "He was old.", "antwort": "Verdi [1]."}]
NAMES = {"question": "frage", "output": "antwort"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"docs": ["kontext_1", "kontext_2"]}, r"\['kontext_1', 'kontext_2'\] must be one string(.|\n)*at their end"),
        ({"docs": 3}, "3 must be one string"),
        ({"docs": None}, "None must be one string"),
        ({3: "kontext"}, "3 must be a name, a string"),
        ("docs=kontext", r"map='docs=kontext': must be a mapping \(a dict\)"),
        (["docs"], "must be a mapping"),
    ],
)
def test_a_map_of_wrong_type_is_named_with_what_is_allowed(given: Any, says: str):
    with pytest.raises(groundeval.UsageError, match=says):
        groundeval.score(RECORDS, map=given, nli="lexical")


def test_numbered_columns_are_mapped_by_the_name_before_the_number():
    [result] = groundeval.score(RECORDS, map={**NAMES, "docs": "kontext"}, nli="lexical")
    assert "answered_citation_rec" in result.results.metrics
    assert groundeval.ScoreOptions(predictions=RECORDS, map=NAMES).map == NAMES


@pytest.mark.parametrize("name", ["nli_options", "metric_models", "data", "ray"])
@pytest.mark.parametrize("value", [["a"], 3, {3: "x"}])
def test_no_mapping_where_one_belongs_is_said(name: str, value: Any):
    with pytest.raises(groundeval.UsageError, match=f"{name}="):
        groundeval.score(RECORDS, map=NAMES, **{name: value})
    with pytest.raises(groundeval.UsageError, match=f"{name}="):
        groundeval.evaluate("smollm2", "asqa", **{name: value})


@pytest.mark.parametrize("name", ["model_args", "chat_template_kwargs"])
def test_arguments_of_a_model_are_a_mapping(name: str):
    with pytest.raises(groundeval.UsageError, match=f"{name}='a=b': must be a mapping"):
        groundeval.evaluate("smollm2", "asqa", **{name: "a=b"})


def test_the_other_functions_say_it_too():
    with pytest.raises(groundeval.UsageError, match="nli_options="):
        groundeval.load_reward("strict_grounded", "asqa", nli_options="x")  # type: ignore[arg-type]
    with pytest.raises(groundeval.UsageError, match="reward_args="):
        groundeval.validate("asqa", reward_args=["x"])  # type: ignore[arg-type]


def test_data_may_be_a_path():
    assert groundeval.ScoreOptions(predictions="runs", data=Path("a.json")).sources == {"*": "a.json"}  # type: ignore[arg-type]
