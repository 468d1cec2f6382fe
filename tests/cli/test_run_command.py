"""`groundeval run` as a user meets it, with a backend that counts and with recorded outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from run_cases import REFUSAL, Cli, Counting, lines_of, record, records, write

from groundeval.generation.interface import GENERATORS
from groundeval.tasks import load_task

RUN = ("run", "--model", "org/m", "--tasks", "asqa", "--backend", "counting", "--nli", "lexical")


@pytest.fixture
def run(cli: Cli, data: Path, tmp_path: Path, counting: type[Counting]) -> Cli:
    def ran(*flags: object) -> Any:
        return cli(*RUN, "--data", data, "--output-path", tmp_path / "runs", *flags)

    return ran


def folder_of(tmp_path: Path, task: str = "asqa") -> Path:
    [folder] = (tmp_path / "runs" / "org--m" / task).iterdir()
    return folder


def test_a_run_folder_holds_prompts_texts_scores_and_what_determines_them(
    tmp_path: Path, run: Cli, counting: type[Counting]
):
    ran = run("--json")
    folder = folder_of(tmp_path)
    assert ran.code == 0
    assert list(ran.json)[:6] == ["task", "profile", "nli", "n", "metrics", "nli_pairs"]
    assert ran.json["run_folder"] == str(folder)
    assert str(folder) in ran.err
    prompts, texts = lines_of(folder / "prompts.jsonl"), lines_of(folder / "generations.jsonl")
    assert [line["id"] for line in prompts] == [line["id"] for line in texts] == [f"q{n}" for n in range(5)]
    assert [line["sha256"] for line in prompts] == [line["prompt_sha256"] for line in texts]
    assert "What is city 0?" in prompts[0]["text"]
    assert len(texts[0].pop("crc32")) == 8
    assert texts[0] == {
        "id": "q0",
        "prompt_sha256": prompts[0]["sha256"],
        "raw": "Answer to q0 is old [2].",
        "prefill": "",
        "finish_reason": "stop",
        "status": "ok",
        "prompt_tokens": 7,
        "completion_tokens": 3,
    }
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["id"] == folder.name
    code = GENERATORS.code(counting)
    assert manifest["identity"]["generator"] == {"backend": "counting", "model": "org/m", "code": code}
    assert manifest["sessions"][0]["samples"] == 5
    assert manifest["sessions"][0]["prompt_tokens"] == 35
    assert (manifest["sessions"][0]["window"], manifest["sessions"][0]["model_args"]) == (2, {})
    [scores] = (folder / "scores").iterdir()
    results = json.loads((scores / "results.json").read_text())
    assert results["metrics"] == ran.json["metrics"]
    assert results["schema_version"] == 1
    assert json.loads((scores / "manifest.json").read_text())["identity"]["nli"]["name"] == "lexical"


def test_the_manifest_names_the_demonstrations_that_the_prompts_show(tmp_path: Path, run: Cli):
    assert run("--num-fewshot", 2).code == 0
    folder = folder_of(tmp_path)
    named = json.loads((folder / "manifest.json").read_text())["demonstrations"]
    prompt = lines_of(folder / "prompts.jsonl")[0]["text"]
    shown = [each.id for each in load_task("asqa").demonstrations() if each.question in prompt]
    assert len(named) == 2
    assert sorted(named) == sorted(shown)


def test_results_hold_no_times_and_no_counts_of_the_cache(tmp_path: Path, run: Cli):
    run()
    [results] = folder_of(tmp_path).glob("scores/*/results.json")
    text = results.read_text()
    assert not any(word in text for word in ("time", "cached", "seconds", "created", "computed", str(tmp_path)))


def test_the_same_command_again_generates_nothing_and_gives_the_same_bytes(
    tmp_path: Path, run: Cli, counting: type[Counting]
):
    run()
    before = {path: path.read_bytes() for path in folder_of(tmp_path).rglob("*.json*") if path.name != "manifest.json"}
    ran = run()
    assert ran.code == 0
    assert sorted(counting.generated) == [f"q{n}" for n in range(5)]
    assert counting.loaded == 1, "a model that is not needed is not loaded"
    assert counting.closed == 2
    assert {path: path.read_bytes() for path in before} == before


def test_another_profile_scores_the_stored_texts_and_generates_nothing(
    tmp_path: Path, run: Cli, counting: type[Counting], cli: Cli, data: Path
):
    run()
    ran = run("--profile", "trust", "--json")
    assert ran.json["profile"] == "trust"
    assert len(counting.generated) == 5
    folder = folder_of(tmp_path)
    assert len(list((folder / "scores").iterdir())) == 2
    # The same through `score`, which needs no model at all.
    again = cli("score", folder, "--data", data, "--profile", "trust", "--nli", "lexical", "--json")
    assert again.json["metrics"] == ran.json["metrics"]
    assert again.json["nli_pairs"]["asked"] == 0
    assert len(list((folder / "scores").iterdir())) == 2
    assert len(counting.generated) == 5


@pytest.mark.parametrize("flag", [("--num-docs", "1"), ("--limit", "2"), ("--output-path", "x")])
def test_what_a_run_folder_fixes_cannot_be_changed_by_scoring_it(
    flag: tuple[str, str], tmp_path: Path, run: Cli, cli: Cli
):
    run()
    ran = cli("score", folder_of(tmp_path), "--nli", "lexical", *flag)
    assert (ran.code, ran.out) == (2, "")
    assert flag[0] in ran.err


def test_what_determines_the_texts_makes_another_folder_and_what_does_not_stays_in_it(
    tmp_path: Path, run: Cli, counting: type[Counting]
):
    run("--phase", "generate")
    for same in (("--limit", "3"), ("--batch-size", "4"), ("--shard", "1/2"), ("--profile", "trust")):
        run("--phase", "generate", *same)
    assert len(counting.generated) == 5
    folder_of(tmp_path)
    for other in (("--seed", "1"), ("--num-docs", "1"), ("--gen-kwargs", "temperature=0.5"), ("--num-fewshot", "1")):
        run("--phase", "generate", *other)
    assert len(list((tmp_path / "runs" / "org--m" / "asqa").iterdir())) == 5
    assert len(counting.generated) == 25


def test_a_larger_limit_generates_only_what_is_missing(tmp_path: Path, run: Cli, counting: type[Counting]):
    assert run("--limit", "2", "--json").json["n"] == 2
    assert run("--limit", "4", "--json").json["n"] == 4
    assert counting.generated == ["q1", "q0", "q3", "q2"]
    assert run("--limit", "2", "--json").json["n"] == 2, "and a smaller one scores fewer"


def test_generating_and_scoring_can_be_two_commands(tmp_path: Path, run: Cli, counting: type[Counting]):
    ran = run("--phase", "generate", "--json")
    assert (ran.code, ran.json) == (0, [])
    assert not (folder_of(tmp_path) / "scores").exists()
    counting.reset()
    ran = run("--phase", "score", "--json")
    assert (ran.code, ran.json["n"]) == (0, 5)
    assert (counting.loaded, counting.generated) == (0, [])


def test_scoring_what_was_not_generated_says_so(tmp_path: Path, run: Cli):
    run("--phase", "generate", "--limit", "2")
    ran = run("--phase", "score")
    assert (ran.code, ran.out) == (1, "")
    assert "3 of 5 samples" in ran.err
    assert "first: q2" in ran.err
    assert "--phase generate" in ran.err


def test_shards_together_are_the_whole_run(tmp_path: Path, run: Cli, counting: type[Counting], data: Path, cli: Cli):
    whole = cli(*RUN, "--data", data, "--output-path", tmp_path / "other", "--json").json
    counting.reset()
    for part in ("2/3", "1/3", "3/3"):
        assert run("--phase", "generate", "--shard", part).code == 0
    assert sorted(counting.generated) == [f"q{n}" for n in range(5)]
    folder = folder_of(tmp_path)
    assert [line["id"] for line in lines_of(folder / "generations.1-of-3.jsonl")] == ["q0", "q3"]
    ran = run("--json")
    assert len(counting.generated) == 5, "the whole run finds the shards' samples"
    assert ran.json["metrics"] == whole["metrics"]
    assert {line["id"] for path in folder.glob("prompts*.jsonl") for line in lines_of(path)} == set(counting.generated)


def test_several_tasks_and_profiles_are_a_list_with_a_line_each(tmp_path: Path, run: Cli, data: Path):
    ran = run("--tasks", "asqa,trust_asqa", "--data", f"trust_asqa={data}", "--json")
    assert [(each["task"], each["profile"]) for each in ran.json] == [("asqa", "alce"), ("trust_asqa", "trust")]
    shown = run("--tasks", "asqa,trust_asqa", "--data", f"trust_asqa={data}")
    assert "trust_score" in shown.out


def test_recorded_outputs_are_replayed_by_id(tmp_path: Path, cli: Cli, data: Path):
    outputs = write(tmp_path / "m.json", [{"id": f"q{n}", "output": f"Text {n}. old [2]."} for n in (3, 0, 1, 2, 4)])
    flags = ("--data", data, "--output-path", tmp_path / "runs", "--json")
    ran = cli("run", "--model", outputs, "--tasks", "asqa", "--backend", "replay", "--nli", "lexical", *flags)
    assert ran.code == 0
    [texts] = tmp_path.glob("runs/*/asqa/*/generations.jsonl")
    assert [line["raw"] for line in lines_of(texts)] == [f"Text {n}. old [2]." for n in range(5)]


def test_data_that_has_changed_is_not_scored_as_if_it_were_the_same(tmp_path: Path, run: Cli, cli: Cli, data: Path):
    run()
    write(data, [record(0, answers=[["Madrid"], ["old"]]), *records(5)[1:]])
    ran = cli("score", folder_of(tmp_path), "--data", data, "--nli", "lexical")
    assert (ran.code, ran.out) == (1, "")
    assert "are not what this run was generated from" in ran.err


def test_texts_that_cannot_be_encoded_survive_the_run_folder(tmp_path: Path, cli: Cli):
    strange = "\ud800\x00\x1b [1]. <think>\udfff</think> old"
    path = write(tmp_path / "data.json", [record(0, question="Who \ud800?"), record(1)])
    outputs = write(tmp_path / "m.json", [{"id": "q0", "output": strange}, {"id": "q1", "output": REFUSAL}])
    flags = ("--backend", "replay", "--nli", "lexical", "--data", path, "--output-path", tmp_path / "runs")
    ran = cli("run", "--model", outputs, "--tasks", "asqa", *flags, "--json")
    assert ran.code == 0
    [texts] = tmp_path.glob("runs/*/asqa/*/generations.jsonl")
    assert lines_of(texts)[0]["raw"] == strange
    assert cli("run", "--model", outputs, "--tasks", "asqa", *flags).code == 0


def test_an_output_folder_that_cannot_be_written_stops_the_run_before_the_model_is_loaded(
    tmp_path: Path, run: Cli, counting: type[Counting]
):
    write(tmp_path / "file", "x")
    ran = run("--output-path", tmp_path / "file" / "runs")
    assert (ran.code, ran.out) == (2, "")
    assert "cannot write to" in ran.err
    assert (counting.loaded, counting.generated) == (0, [])


def test_several_models_are_run_one_after_the_other_each_into_a_folder_of_its_own(
    tmp_path: Path, run: Cli, counting: type[Counting]
):
    ran = run("--model", "org/other", "--json")
    assert ran.code == 0
    assert [each["model"] for each in ran.json] == ["org/m", "org/other"]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["org--m", "org--other"]
    assert len(counting.generated) == 10
    assert counting.closed == counting.loaded == 2


@pytest.mark.parametrize("damage", ["lost", "cut", "changed", "garbage"])
def test_prompts_that_were_damaged_after_generation_are_written_again(
    tmp_path: Path, run: Cli, counting: type[Counting], damage: str
):
    run()
    path = folder_of(tmp_path) / "prompts.jsonl"
    before = path.read_bytes()
    lines = before.splitlines(keepends=True)
    spoilt = {
        "lost": lambda: path.unlink(),
        "cut": lambda: path.write_bytes(before[: len(before) // 2]),
        "changed": lambda: path.write_bytes(before.replace(b"city 3", b"city 4")),
        "garbage": lambda: path.write_bytes(b"".join([lines[0], b"{]\n", *lines[1:]])),
    }
    spoilt[damage]()
    asked = len(counting.generated)
    assert run().code == 0
    assert path.read_bytes() == before
    assert len(counting.generated) == asked
