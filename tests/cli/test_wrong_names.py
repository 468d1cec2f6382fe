"""Names and values that do not exist are refused with the nearest match, before anything is read, made or loaded."""

from __future__ import annotations

import builtins
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli, Counting, records, write

from groundeval.cli.app import main

SCORE = ("--task", "asqa", "--nli", "lexical")
RUN = ("--model", "m", "--tasks", "asqa", "--backend", "counting", "--nli", "lexical")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--taks", "asqa"), ("--taks", "--task")),
        (("--task", "aqsa"), ('unknown task "aqsa"', 'Did you mean "asqa"', "qampari")),
        (("--profile", "trsut"), ('unknown profile "trsut"', 'Did you mean "trust"', "alce")),
        (("--profile", "alce,,trust"), ("--profile", "empty name")),
        (("--profile", "alce,alce"), ("--profile", "twice")),
        (("--metrics", "str_me"), ('unknown metric "str_me"', 'Did you mean "str_em"')),
        (("--metrics", "trust_score"), ('"trust_score"', "profile alce", "trust")),
        (("--metrics", "qampari_f1"), ('"qampari_f1"', 'kind "em"', "list")),
        (("--metrics", ""), ("--metrics", "empty name")),
        (("--nli", "lexcal"), ('unknown NLI model "lexcal"', 'Did you mean "lexical"')),
        (("--nli", "lexical", "--nli-args", "dtypo=float32"), ('"dtypo"', 'Did you mean "dtype"')),
        (("--nli-args", "float32"), ("--nli-args", "NAME=VALUE")),
        (("--limit", "many"), ("--limit many: must be a whole number",)),
        (("--limit", "0"), ("--limit 0", "1 or more")),
        (("--limit", "-3"), ("--limit -3", "1 or more")),
        (("--num-docs", "-1"), ("--num-docs -1", "0")),
        (("--include-path", "nowhere.py"), ("plugin nowhere.py", "no such file")),
    ],
)
def test_a_wrong_flag_of_score_exits_with_2_and_says_what_is_allowed(
    change: tuple[str, ...], words: tuple[str, ...], data: Path, cli: Cli
):
    ran = cli("score", data, *SCORE, *change)
    assert (ran.code, ran.out) == (2, "")
    for word in words:
        assert word in ran.err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--tasks", "asqa,trust_asq"), ('unknown task "trust_asq"', 'Did you mean "trust_asqa"')),
        (("--tasks", "asqa,"), ("--tasks", "empty name")),
        (("--tasks", "asqa,asqa"), ("--tasks", "asqa is named twice")),
        (("--tasks", "nowhere.yaml"), ("nowhere.yaml",)),
        (("--tasks", "nowhere.py:x"), ("nowhere.py", "no such file")),
        (("--backend", "countng"), ('unknown backend "countng"', 'Did you mean "counting"')),
        (("--profile", "alec"), ('unknown profile "alec"', 'Did you mean "alce"')),
        (("--metrics", "lenght"), ('unknown metric "lenght"', 'Did you mean "length"')),
        (("--nli", "lexcal"), ('unknown NLI model "lexcal"', "lexical")),
        (("--phase", "scoring"), ("--phase scoring", "generate, score, all")),
        (("--limit", "0"), ("--limit 0", "1 or more")),
        (("--num-docs", "-1"), ("--num-docs -1", "0")),
        (("--num-fewshot", "-1"), ("--num-fewshot -1", "0")),
        (("--docs-field", "body"), ("--docs-field body", "summary")),
        (("--shard", "3/2", "--phase", "generate"), ("--shard 3/2", "1 <= I <= N")),
        (("--shard", "0/2", "--phase", "generate"), ("--shard 0/2",)),
        (("--shard", "half", "--phase", "generate"), ("--shard half", "I/N")),
        (("--shard", "1/2"), ("--shard 1/2", "--phase generate")),
        (("--batch-size", "0"), ("--batch-size 0", "auto")),
        (("--batch-size", "big"), ("--batch-size big", "auto")),
        (("--gen-kwargs", "temprature=1"), ('"temprature"', 'Did you mean "temperature"')),
        (("--gen-kwargs", "temperature=hot"), ("temperature='hot'", "0 (greedy) or more")),
        (("--gen-kwargs", "temperature=.nan"), ("temperature=nan",)),
        (("--gen-kwargs", "top_p=0"), ("top_p=0", "above 0")),
        (("--gen-kwargs", "max_new_tokens=0"), ("max_new_tokens=0", "1 or more")),
        (("--gen-kwargs", "max_new_tokens=1.5"), ("max_new_tokens=1.5", "integer")),
        (("--gen-kwargs", "top_k=yes"), ("top_k=True", "integer")),
        (("--gen-kwargs", "temperature"), ("--gen-kwargs", "NAME=VALUE")),
        (("--gen-kwargs", "stop=[a"), ("--gen-kwargs", "stop", "[a")),
        (("--data", "aqsa=embedded"), ("--data", "aqsa", 'Did you mean "asqa"')),
        (("--data", "embedded"), ("--data", "all tasks", "twice")),
        (("--data", "asqa="), ("--data asqa=", "TASK=FILE")),
        (("--model-args",), ("--model-args",)),
        (("--sed", "1"), ("--sed", "--seed")),
    ],
)
def test_a_wrong_flag_of_run_exits_with_2_before_anything_is_generated(
    change: tuple[str, ...], words: tuple[str, ...], tmp_path: Path, cli: Cli, counting: type[Counting]
):
    out = tmp_path / "runs"
    ran = cli("run", *RUN, "--data", "embedded", "--output-path", out, *change)
    assert (ran.code, ran.out) == (2, "")
    for word in words:
        assert word in ran.err
    assert (counting.loaded, counting.generated) == (0, [])
    assert not out.exists()


def test_missing_flags_are_named(cli: Cli):
    ran = cli("run", "--model", "m")
    assert (ran.code, "--tasks" in ran.err) == (2, True)
    ran = cli("score")
    assert (ran.code, "PREDICTIONS is missing" in ran.err) == (2, True)


def test_a_score_without_task_says_how_to_name_one(data: Path, cli: Cli):
    ran = cli("score", data, "--nli", "lexical")
    assert ran.code == 2
    assert "--task asqa" in ran.err


def test_an_unknown_command_offers_the_nearest(cli: Cli):
    ran = cli("scroe", "x")
    assert ran.code == 2
    assert 'unknown command "scroe". Did you mean "score"?' in ran.err


def test_an_unknown_list_offers_the_nearest(cli: Cli):
    ran = cli("list", "task")
    assert (ran.code, ran.out) == (2, "")
    assert 'Did you mean "tasks"' in ran.err


def test_a_metric_that_lacks_its_packages_stops_before_anything_is_scored(
    data: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
):
    import importlib.util

    found = importlib.util.find_spec

    def without_mauve(name: str, package: str | None = None) -> Any:
        return None if name == "mauve" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without_mauve)
    ran = cli("score", data, *SCORE, "--metrics", "mauve")
    assert (ran.code, ran.out) == (2, "")
    assert "groundeval[mauve]" in ran.err


def test_wrong_data_of_a_run_stops_it_before_anything_is_generated(tmp_path: Path, cli: Cli, counting: type[Counting]):
    broken = write(tmp_path / "broken.json", [*records(2), {"question": "?", "docs": "x"}])
    ran = cli("run", *RUN[:3], "eli5,asqa", *RUN[4:], "--data", "eli5=embedded", "--data", f"asqa={broken}")
    assert ran.code == 1
    assert "record 3" in ran.err
    assert counting.generated == []


def test_a_metric_whose_field_the_data_lacks_stops_a_run_before_anything_is_generated(
    tmp_path: Path, cli: Cli, counting: type[Counting]
):
    poor = write(tmp_path / "poor.json", records(3, answer=...))
    ran = cli("run", *RUN, "--data", poor, "--metrics", "rougeLsum", "--output-path", tmp_path / "runs")
    assert ran.code == 1
    assert '"references"' in ran.err
    assert counting.generated == []


def test_no_error_message_is_a_traceback(monkeypatch: pytest.MonkeyPatch, cli: Cli):
    def full(*arguments: object, **options: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(builtins, "print", full)
    assert cli("list", "tasks", "--json").code == 0, "a reader that went away is no failure"


def test_a_verifier_that_cannot_be_had_is_found_before_anything_is_generated(
    cli: Cli, counting: type[Counting], data: Path, tmp_path: Path
):
    pytest.importorskip("transformers")
    command = ("run", "--model", "m", "--tasks", "asqa", "--backend", "counting", "--data", data)
    (tmp_path / "my-judge").mkdir()
    ran = cli(*command, "--nli", f"seq2seq:{tmp_path}/my-jugde", "--output-path", tmp_path / "runs")
    assert ran.code == 2
    assert 'my-judge"' in ran.err
    assert (counting.generated, counting.loaded) == ([], 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--nli", "lexicl"), 'Did you mean "lexical"'),
        (("--model", "smollm", "--backend", "hf"), 'Did you mean "smollm2"'),
        (("--profile", "trsut"), 'Did you mean "trust"'),
        (("--metrics", "str_me"), 'Did you mean "str_em"'),
        (("--reward", "trsut"), 'Did you mean "trust"'),
        (("--nli-args", "dtpye=float32"), 'Did you mean "dtype"'),
        (("--metric-models", "maube=x"), 'Did you mean "mauve"'),
        (("--dtype", "flaot32", "--backend", "hf"), 'Did you mean "float32"'),
        (("--backend", "opanai"), 'Did you mean "openai"'),
        (("--tasks", "asqa,elli5"), 'Did you mean "eli5"'),
    ],
)
def test_names_are_looked_up_before_data_are_read_and_models_loaded(
    change: tuple[str, ...], words: str, tmp_path: Path, cli: Cli, counting: type[Counting]
):
    """The file of data does not exist: whoever reads it says so."""
    out = tmp_path / "runs"
    ran = cli("run", *RUN, "--data", tmp_path / "nowhere.json", "--output-path", out, *change)
    assert ran.code == 2
    assert words in ran.err
    assert "nowhere" not in ran.err
    assert (counting.loaded, out.exists()) == (0, False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--nli", "lexicl"), 'Did you mean "lexical"'),
        (("--profile", "trsut"), 'Did you mean "trust"'),
        (("--metrics", "str_me"), 'Did you mean "str_em"'),
        (("--reward", "trsut"), 'Did you mean "trust"'),
        (("--task", "aqsa"), 'Did you mean "asqa"'),
    ],
)
def test_names_are_looked_up_before_outputs_are_read(change: tuple[str, ...], words: str, tmp_path: Path, cli: Cli):
    (tmp_path / "outputs.json").write_text("no JSON", encoding="utf-8")
    ran = cli("score", tmp_path / "outputs.json", *SCORE, *change)
    assert ran.code == 2
    assert words in ran.err
    assert "JSON" not in ran.err


@pytest.mark.parametrize(
    "words",
    ["--nli lexicl", "--nli ray:lexicl", "--nli http://a:1,lexicl", "--model smollm", "--metrics str_me"],
)
def test_a_wrong_name_is_answered_without_any_library_of_models(words: str):
    command = ["run", "--model", "smollm2", "--tasks", "asqa", *words.split()]
    code = (
        f"import sys; from groundeval.cli.app import main; code = main({command!r});"
        "print(code, sorted({'torch', 'transformers', 'huggingface_hub', 'datasets'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.stdout == "2 []\n", ran.stderr


def test_a_reward_of_each_sample_is_reported_by_a_run(data: Path, tmp_path: Path, cli: Cli, counting: type[Counting]):
    ran = cli("run", *RUN, "--data", data, "--reward", "trust", "--output-path", tmp_path / "runs", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["metrics"]["reward:trust"]["n"] == 5
    [scores] = (tmp_path / "runs").rglob("scores.jsonl")
    assert '"reward:trust":' in scores.read_text()


@pytest.mark.parametrize(("there", "guess"), [("cut.jsonl", False), ("anthropic.jsonl", True), ("anthropic.csv", True)])
def test_a_path_is_like_another_by_more_than_its_ending(tmp_path: Path, cli: Cli, there: str, guess: bool):
    (tmp_path / there).write_text("{}")
    ran = cli("score", tmp_path / "anthropc.jsonl", "--nli", "lexical")
    assert ran.code == 2
    assert ("Did you mean" in ran.err) is guess


def test_without_its_packages_a_leaderboard_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("groundeval.extras.MODULES", {"leaderboard": ("no_such_package",)})
    assert main(["leaderboard", "build", str(tmp_path), "--out", str(tmp_path / "site")]) == 2
    assert "groundeval[leaderboard]" in capsys.readouterr().err
    assert not (tmp_path / "site").exists()
