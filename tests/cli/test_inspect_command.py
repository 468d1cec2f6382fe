"""`groundeval inspect` shows what `groundeval score` would read, and judges nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli, records, write

import groundeval

EXAMPLES = Path(__file__).parents[2] / "examples" / "outputs"


def fields(found: Any) -> dict[str, tuple[int, str]]:
    return {each["name"]: (each["records"], each["used_for"]) for each in found["fields"]}


def test_fields_are_shown_with_how_many_records_have_them_and_what_they_are_for(cli: Cli):
    found = cli("inspect", EXAMPLES / "ragas.json", "--json").json
    assert found["records"] == 3
    assert fields(found) == {
        "user_input": (3, "question"),
        "retrieved_contexts": (3, "docs"),
        "response": (3, "output"),
        "reference": (3, "gold"),
    }
    assert found["counts"] == {
        "output": 3, "empty output": 0, "documents": 3, "citations": 2, "refusal": 1, "gold answers": 2,
    }  # fmt: skip


def test_the_first_record_is_shown_as_it_is_parsed(cli: Cli):
    first = cli("inspect", EXAMPLES / "anthropic.jsonl", "--json").json["first"]
    assert first["decision"] == "answered"
    assert [statement["citations"] for statement in first["statements"]] == [[2], [2]]
    assert [document["title"] for document in first["documents"]] == ["Defrosting", "Warranty", "Noise"]
    shown = " ".join(cli("inspect", EXAMPLES / "anthropic.jsonl").out.split())
    assert "statement: The warranty lasts five years. | cites [2]" in shown
    assert "read as Anthropic: " in shown


def test_refusals_are_counted_as_the_profile_reads_them_that_is_named(cli: Cli, tmp_path: Path):
    said = "The documents do not say what the price is."
    path = write(tmp_path / "a.json", [{"question": "What is it?", "output": said, "docs": [{"text": "Five years."}]}])
    for profile, refusals in (("trust", 0), ("strict", 1)):
        found = cli("inspect", path, "--profile", profile, "--json").json
        scored = cli("score", path, "--profile", profile, "--nli", "lexical", "--json").json
        assert found["counts"]["refusal"] == refusals
        assert scored["metrics"]["answered_ratio"]["value"] == 100 * (1 - refusals)
        assert (
            f"citations and refusals as profile {profile} reads them" in cli("inspect", path, "--profile", profile).out
        )
    assert "as profile strict reads them" in cli("inspect", path).out


def test_any_record_can_be_shown_and_one_beyond_the_file_is_refused(cli: Cli):
    ragas = EXAMPLES / "ragas.json"
    third = cli("inspect", ragas, "--record", "3", "--json").json
    assert (third["number"], third["first"]["decision"]) == (3, "refused")
    assert "\nrecord 3\n" in cli("inspect", ragas, "--record", "3").out
    ran = cli("inspect", ragas, "--record", "4")
    assert ran.code == 2
    assert "--record 4: " in ran.err
    assert "has 3 records" in ran.err


def test_the_metrics_that_are_shown_are_those_that_score_reports(cli: Cli):
    for name in ("ragas.json", "cohere.json"):
        for possible in cli("inspect", EXAMPLES / name, "--json").json["possible"]:
            flags = ("--profile", possible["profile"], "--nli", "lexical", "--json")
            scored = cli("score", EXAMPLES / name, *flags).json
            assert list(scored["metrics"]) == possible["metrics"]
            assert set(possible["notes"]) <= set(scored["notes"])


def test_marks_that_a_protocol_does_not_read_are_counted(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "a.json", records(3, output="City 0 is Paris 【1】. It is old [1, 2]."))
    ran = cli("inspect", path, "--json")
    assert {each["profile"]: each["unread_marks"] for each in ran.json["possible"]} == {
        "alce": 3, "trust": 3, "strict": 0,
    }  # fmt: skip
    clean = cli("inspect", write(tmp_path / "b.json", records(3)), "--json").json
    assert [each["unread_marks"] for each in clean["possible"]] == [0, 0, 0]


def test_what_cannot_be_scored_is_shown_with_its_fields_and_the_reason(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "a.json", [{"question": "Who?", "said": "x"}, {"question": "Where?", "said": None}])
    ran = cli("inspect", path, "--json")
    assert ran.code == 1
    assert fields(ran.json) == {"question": (2, ""), "said": (1, "")}
    assert "--map output=said" in ran.json["problem"]
    ran = cli("inspect", path, "--map", "output=said", "--limit", "1")
    assert ran.code == 0
    assert "cannot be scored" not in ran.out


def test_a_file_that_cannot_be_read_is_the_error_that_score_gives(tmp_path: Path, cli: Cli):
    ran = cli("inspect", tmp_path / "nowhere.json")
    assert (ran.code, ran.out) == (2, "")
    assert "no such file" in ran.err


def test_nothing_is_judged(monkeypatch: pytest.MonkeyPatch, cli: Cli):
    def load(self: object) -> None:
        raise AssertionError("loaded a verifier")

    monkeypatch.setattr(groundeval.NLI, "load", load)
    assert cli("inspect", EXAMPLES / "ragas.json").code == 0
