"""Answers that were cut at the limit on their length are counted: in table, results and manifest, from every source."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli, lines_of, record, records, write

from groundeval.records import Example, Response, cut_at_limit

FLAGS = ("--tasks", "asqa", "--data", "embedded", "--nli", "lexical", "--limit", "4")


def manifest_of(folder: Path) -> dict[str, Any]:
    [found] = [
        one for path in folder.rglob("manifest.json") if (one := json.loads(path.read_text()))["kind"] == "generation"
    ]
    return found


def cut_notes(found: dict[str, Any]) -> list[str]:
    return [note for note in found["notes"] if " cut " in note]


def test_a_run_of_a_local_model_says_it_in_table_results_and_manifest(
    tiny: Callable[..., Path], tmp_path: Path, cli: Cli
):
    flags = ("run", "--model", tiny(), *FLAGS, "--num-docs", "1", "--output-path", tmp_path, "--gen-kwargs")
    ran = cli(*flags, "max_new_tokens=2")
    assert ran.code == 0, ran.err
    assert "note: 4 of 4 answers were cut at max_new_tokens=2" in ran.err
    assert "4 of 4 answers were cut at max_new_tokens=2" in cli(*flags, "max_new_tokens=2", "--quiet").out
    [results] = [json.loads(path.read_text()) for path in tmp_path.rglob("results.json")]
    assert cut_notes(results) == ["4 of 4 answers were cut at max_new_tokens=2"]
    manifest = manifest_of(tmp_path)
    assert manifest["answers_cut"] == 4
    assert manifest["sessions"][0]["cut"] == 4
    folder = next(tmp_path.rglob("generations.jsonl")).parent
    again = cli("score", folder, "--nli", "lexical", "--profile", "strict", "--json")
    assert cut_notes(again.json) == ["4 of 4 answers were cut at max_new_tokens=2"]


def test_generating_alone_says_it_too(tiny: Callable[..., Path], tmp_path: Path, cli: Cli):
    flags = ("run", "--model", tiny(), *FLAGS, "--output-path", tmp_path, "--phase", "generate", "--num-docs", "1")
    assert "asqa: 4 of 4 answers were cut at max_new_tokens=3" in cli(*flags, "--gen-kwargs", "max_new_tokens=3").err


@pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS", "model_length"])
def test_recorded_reasons_count_in_replay_and_in_the_score_of_a_file(reason: str, tmp_path: Path, cli: Cli):
    content = [record(0, finish_reason=reason), record(1, stop_reason=reason), record(2, finish_reason="stop")]
    path = write(tmp_path / "outputs.json", content)
    scored = cli("score", path, "--task", "asqa", "--nli", "lexical", "--json")
    assert cut_notes(scored.json) == ["2 of 3 answers were cut at the limit on their length"]
    assert "note: 2 of 3 answers were cut" in cli("score", path, "--task", "asqa", "--nli", "lexical").err
    few = cli("score", path, "--task", "asqa", "--nli", "lexical", "--limit", "1", "--json")
    assert cut_notes(few.json) == ["1 of 1 answers were cut at the limit on their length"]
    flags = ("run", "--backend", "replay", "--model", path, "--tasks", "asqa", "--data", path, "--nli", "lexical")
    ran = cli(*flags, "--output-path", tmp_path / "runs", "--json")
    assert cut_notes(ran.json) == ["2 of 3 answers were cut at the limit on their length"]


@pytest.mark.parametrize("reason", ["stop", "eos", "", None, 3, ["length"], "lengthy"])
def test_other_reasons_and_none_are_no_cut(reason: Any, tmp_path: Path, cli: Cli):
    assert not cut_at_limit(reason)
    path = write(tmp_path / "outputs.json", records(2, finish_reason=reason))
    assert not cut_notes(cli("score", path, "--task", "asqa", "--nli", "lexical", "--json").json)


def test_a_sample_that_failed_is_no_answer_that_was_cut():
    example = Example("a", "q")
    assert not Response.failed(example, "length").was_cut
    assert Response.build(example, "x", finish_reason="length").was_cut
    assert not Response.build(example, "x", finish_reason="stop").was_cut


def test_prompts_that_lost_documents_are_counted(tiny: Callable[..., Path], tmp_path: Path, cli: Cli):
    flags = ("run", "--model", tiny(), *FLAGS, "--output-path", tmp_path, "--model-args", "max_model_len=700", "--json")
    ran = cli(*flags, "--gen-kwargs", "max_new_tokens=2")
    assert ran.code == 0, ran.err
    lost = sum("documents_shown" in line for line in lines_of(next(tmp_path.rglob("generations.jsonl"))))
    assert lost
    assert f"{lost} of 4 prompts show fewer documents than requested, to fit the context" in ran.json["notes"]
    assert manifest_of(tmp_path)["documents_dropped"] == lost
