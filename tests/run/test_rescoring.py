"""Rescoring a run folder, and backends that violate their interface."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from run_cases import Cli, Counting, lines_of, record, write

from groundeval.comparison.saved_scores import read_scoring, recomputed
from groundeval.generation.interface import Completion, SamplingParams
from groundeval.records import Prompt
from groundeval.tasks.formats.sources import demonstrations

RUN = ("run", "--model", "m", "--backend", "counting", "--tasks", "asqa", "--nli", "lexical", "--json")


def run(cli: Cli, data: Path, out: Path, *more: object) -> Path:
    ran = cli(*RUN, "--data", data, "--output-path", out, *more)
    [folder] = (path.parent for path in out.rglob("prompts.jsonl"))
    assert ran.code in (0, 3), ran.err
    return folder


def test_a_run_folder_is_scored_from_anywhere_although_its_data_was_named_by_a_relative_path(
    cli: Cli, counting: type[Counting], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(data.parent)
    folder = run(cli, Path(data.name), tmp_path / "runs")
    monkeypatch.chdir("/")
    assert cli("score", folder, "--data", data, "--profile", "trust", "--nli", "lexical", "--json").json["n"] == 5
    assert len(counting.generated) == 5


def test_a_run_that_is_not_finished_says_so_when_it_is_scored(
    cli: Cli, counting: type[Counting], data: Path, tmp_path: Path
):
    counting.break_at = "q4"
    folder = run(cli, data, tmp_path / "runs")
    scored = cli("score", folder, "--data", data, "--nli", "lexical", "--json").json
    assert scored["n"] == 4
    assert "the run is unfinished: 1 of 5 samples have no text yet" in scored["notes"]


def test_samples_that_were_scored_first_stand_in_the_order_of_the_data_in_the_end(
    cli: Cli, counting: type[Counting], data: Path, tmp_path: Path
):
    for part in ("2/2", "1/2"):
        cli(*RUN, "--data", data, "--output-path", tmp_path / "runs", "--phase", "generate", "--shard", part)
        [folder] = {path.parent for path in tmp_path.rglob("generations*.jsonl")}
        scored = cli("score", folder, "--data", data, "--nli", "lexical", "--json").json
    [scoring] = tmp_path.rglob("results.json")
    assert [line["id"] for line in lines_of(scoring.parent / "scores.jsonl")] == [f"q{n}" for n in range(5)]
    assert scored["n"] == 5
    assert read_scoring(scoring.parent).results.n == 5
    assert recomputed(read_scoring(scoring.parent))


def test_a_run_folder_takes_its_own_task_and_no_other(cli: Cli, counting: type[Counting], data: Path, tmp_path: Path):
    folder = run(cli, data, tmp_path / "runs")
    assert cli("score", folder, "--task", "asqa", "--data", data, "--nli", "lexical").code == 0
    other = cli("score", folder, "--task", "eli5", "--nli", "lexical")
    assert other.code == 2
    assert "is a run of the task asqa" in other.err


def test_a_backend_that_leaves_a_prompt_out_stops_the_run_and_names_the_sample(
    cli: Cli, counting: type[Counting], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    whole = counting.generate

    def forgetful(self: Counting, prompts: Sequence[Prompt], params: SamplingParams) -> Iterator[Completion]:
        return (completion for completion in whole(self, prompts, params) if completion.id != "q3")

    monkeypatch.setattr(counting, "generate", forgetful)
    ran = cli(*RUN, "--data", data, "--output-path", tmp_path / "runs")
    assert ran.code == 3
    assert 'no completion for sample "q3"' in ran.err


def test_whatever_a_backend_raises_leaves_a_run_that_can_be_resumed(
    cli: Cli, counting: type[Counting], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def broken(self: Counting, prompts: Sequence[Prompt], params: SamplingParams) -> Iterator[Completion]:
        raise ZeroDivisionError("in the plugin")

    with monkeypatch.context() as patched:
        patched.setattr(counting, "generate", broken)
        ran = cli(*RUN, "--data", data, "--output-path", tmp_path / "runs")
    assert ran.code == 3
    assert "ZeroDivisionError: in the plugin" in ran.err
    assert cli(*RUN, "--data", data, "--output-path", tmp_path / "runs").code == 0


def test_two_files_scored_into_one_folder_keep_their_scores_apart(cli: Cli, tmp_path: Path):
    files = {text: write(tmp_path / f"{text}.json", [record(output=text)]) for text in ("Paris", "Rome")}
    score = ("--task", "asqa", "--metrics", "str_em", "--output-path", tmp_path / "out", "--json")
    values = [cli("score", file, *score).json["metrics"]["str_em"]["value"] for file in files.values()]
    assert values == [50, 0]
    assert len(list((tmp_path / "out").rglob("results.json"))) == 2


def test_nothing_is_reported_where_every_sample_failed(cli: Cli, counting: type[Counting], data: Path, tmp_path: Path):
    counting.fail = {f"q{number}" for number in range(5)}
    out = tmp_path / "runs"
    assert cli(*RUN, "--data", data, "--output-path", out).code == 3
    ran = cli(*RUN, "--data", data, "--output-path", out, "--phase", "score")
    assert ran.code == 1
    assert "no sample could be scored" in ran.err


def test_failed_samples_are_named_in_the_notes(cli: Cli, counting: type[Counting], data: Path, tmp_path: Path):
    counting.fail = {"q1"}
    out = tmp_path / "runs"
    cli(*RUN, "--data", data, "--output-path", out)
    scored = cli(*RUN, "--data", data, "--output-path", out, "--phase", "score").json
    assert scored["n"] == 4
    assert any("1 of 5 samples failed: the numbers are over the other 4" in note for note in scored["notes"])


def test_other_demonstrations_make_another_run(
    cli: Cli, counting: type[Counting], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "runs"
    cli(*RUN, "--data", data, "--output-path", out, "--num-fewshot", 1)
    monkeypatch.setattr("groundeval.tasks.asqa.answerable_demonstrations", lambda name: demonstrations(name)[1:3])
    cli(*RUN, "--data", data, "--output-path", out, "--num-fewshot", 1)
    assert len(list(out.rglob("generations.jsonl"))) == 2


def test_a_manifest_that_is_damaged_is_named(cli: Cli, tmp_path: Path):
    write(tmp_path / "manifest.json", {"kind": "generation"})
    ran = cli("score", tmp_path, "--nli", "lexical")
    assert ran.code == 1
    assert "manifest.json is damaged" in ran.err
