"""`groundeval bench speed`: its parts, phases, and an earlier run beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from groundeval.bench.damaged_text import damaged
from groundeval.bench.phases import PHASES, phase_of
from groundeval.bench.speed import Figure, Speed, changes, machine, tables
from groundeval.bench.whole_runs import WholeRun, growth
from groundeval.cli.app import main


def measured(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["bench", "speed", "--repeats", "1", "--json", *arguments]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_clean_and_damaged_outputs_are_measured_under_every_profile(capsys: pytest.CaptureFixture[str]):
    found = measured(capsys, "--parts", "text,rewards,rouge")
    names = ["asqa", "asqa, damaged", "qampari", "qampari, damaged", "eli5", "eli5, damaged"]
    speeds = [(each["name"], each["profile"]) for each in found["speeds"]]
    assert speeds == [(name, profile) for name in names for profile in ("alce", "trust", "strict")]
    assert all(each["responses_per_second"] > 0 for each in found["speeds"])
    # Claim tasks ask a verifier for their correctness, too; `strict_grounded` gets one that takes no time.
    assert [each["name"] for each in found["rewards"]] == [*names[:4], *names]
    assert [each["name"] for each in found["rewards"] if each["reward"] == "strict_grounded"] == names
    assert all(each["rewards_per_second"] > 0 and each["responses"] for each in found["rewards"])
    # The list task has references in the embedded data, but its outputs are lists.
    with_rouge = ("asqa", "asqa, damaged", "eli5", "eli5, damaged")
    assert [each["what"] for each in found["rouge"]] == [f"{name}, rougeLsum" for name in with_rouge]
    assert all(each["value"] > 0 and each["unit"] and each["limit"] for each in found["figures"])


@pytest.mark.slow
def test_whole_runs_are_split_into_phases_which_add_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "out"
    found = measured(capsys, "--parts", "runs", "--sizes", "20", "--output-path", str(out))
    assert [(each["command"], each["samples"]) for each in found["runs"]] == [("score", 20), ("run, replay", 20)]
    for each in found["runs"]:
        assert set(each["phases"]) <= set(PHASES)
        assert sum(each["phases"].values()) == pytest.approx(each["cpu_seconds"])
        assert 10 < each["peak_mb"] < 400
    assert json.loads((out / "bench_speed.json").read_text())["figures"] == found["figures"]
    assert (out / "bench_speed.png").read_bytes().startswith(b"\x89PNG")


def test_what_a_sample_more_costs_leaves_the_start_out():
    runs = [WholeRun("score", size, 9.0, 1.0 + size / 1000, 100.0 + size / 100, {}) for size in (10_000, 100, 1_000)]
    runs.append(WholeRun("run", 100, 9.0, 1.0, 100.0, {}))
    first, second = growth(runs)
    assert (first.command, first.smaller, first.larger, second.larger) == ("score", 100, 1_000, 10_000)
    assert [first.cpu_ms, second.cpu_ms] == pytest.approx([1.0, 1.0])
    assert second.times_memory == pytest.approx(200 / 110)


def test_a_function_belongs_to_the_phase_of_the_first_module_that_fits():
    assert phase_of("groundeval.metrics.rouge", "rouge_lsum") == "ROUGE"
    assert phase_of("groundeval.metrics.citation", "judge") == "metrics"
    assert phase_of("groundeval.storage.folder", "read_json") == "load"
    assert phase_of("groundeval.storage.folder", "append_lines") == "write"
    assert phase_of("groundeval.metrics.rouge", "<module>") == "imports"
    assert phase_of("groundevaluation", "main") is None
    assert phase_of("json.decoder", "decode") is None


def test_an_earlier_run_is_compared_figure_by_figure_and_another_machine_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    earlier = tmp_path / "earlier.json"
    figures = [{"name": "import groundeval", "value": 1000.0}, {"name": "gone", "value": 1.0}]
    earlier.write_text(json.dumps({"machine": machine(), "figures": figures}))
    [change] = measured(capsys, "--parts", "start", "--against", str(earlier))["against"]
    assert change["name"] == "import groundeval"
    assert change["times"] == pytest.approx(1000 / change["now"])
    earlier.write_text(json.dumps({"machine": {**machine(), "cores": 4096}, "figures": figures}))
    assert main(["bench", "speed", "--parts", "start", "--against", str(earlier)]) == 2
    assert "another machine (cores 4096" in " ".join(capsys.readouterr().err.split())
    assert measured(capsys, "--parts", "start", "--against", str(earlier), "--any-machine")["against"]


@pytest.mark.parametrize("content", ["[]", "{", '{"figures": [{"name": "x"}], "machine": {}}', '{"figures": 1}'])
def test_a_file_that_is_no_earlier_run_is_refused(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "earlier.json").write_text(content)
    assert main(["bench", "speed", "--parts", "start", "--against", str(tmp_path / "earlier.json")]) == 1
    assert "not a file of `groundeval bench speed --output-path`" in " ".join(capsys.readouterr().err.split())


def test_a_cost_is_better_when_it_falls_and_a_rate_when_it_rises():
    speed = Speed(figures=[Figure("cost", 2.0, "CPU s", ""), Figure("rate", 2.0, "rewards/CPU s", "")])
    earlier = {"figures": [{"name": "cost", "value": 4.0}, {"name": "rate", "value": 4.0}]}
    assert [each.times for each in changes(speed, earlier)] == [2.0, 0.5]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--parts", "txet"], 'Did you mean "text"?'),
        (["--parts", "generation"], "--model NAME"),
        (["--parts", "originals"], "--originals FOLDER"),
        (["--originals", "."], "must hold eval.py and utils.py"),
        (["--sizes", "10,ten"], "must be numbers of samples"),
        (["--shape", "t5-tony"], "t5-tiny"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["bench", "speed", *arguments]) == 2
    assert told in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
def test_a_verifier_is_measured_one_by_one_in_batches_and_from_the_cache(capsys: pytest.CaptureFixture[str]):
    found = measured(capsys, "--parts", "nli")
    ways = ["NLI sequential", "NLI batched", "NLI from cache"]
    assert [each["name"] for each in found["figures"]][:3] == ways
    assert all(each["percent"] == 100 for each in found["nli"]["agreements"])


def test_damage_is_the_same_for_the_same_seed_and_changes_most_texts():
    text = "Paris is the capital of France, and the tower stands there [1]."
    assert damaged(text, 1) == damaged(text, 1)
    assert len({damaged(text, seed) for seed in range(20)}) > 10
    assert any(not damaged(text, seed).isascii() for seed in range(20))


ORIGINAL = """
from nltk import sent_tokenize
from utils import remove_citations

def compute_len(data):
    return sum(len(item["output"].split()) for item in data) / len(data)

def compute_str_em(data):
    return 1.0, 2.0

def compute_rouge(data):
    return float("[" in data[0]["output"])
"""


def test_the_script_of_a_clone_is_run_on_the_same_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "eval.py").write_text(ORIGINAL)
    (tmp_path / "utils.py").write_text("from groundeval.parsing.citations import remove_citations\n")
    found = measured(capsys, "--parts", "originals", "--originals", str(tmp_path))["originals"]
    theirs, ours = found["original_values"], found["values"]
    assert (theirs["str_em"], theirs["str_hit"], theirs["rougeLsum"]) == (1.0, 2.0, 0.0)
    assert theirs["length"] == pytest.approx(ours["length"])
    assert found["ratio"] == found["original_seconds"] / found["seconds"]
    (tmp_path / "eval.py").write_text("raise RuntimeError('no GPU')")
    assert main(["bench", "speed", "--parts", "originals", "--originals", str(tmp_path)]) == 1
    assert "RuntimeError: no GPU" in " ".join(capsys.readouterr().err.split())


def test_phases_are_rows_so_that_the_table_is_read_at_80_columns():
    shares = dict.fromkeys(PHASES, 12.345)
    runs: list[dict[str, Any]] = [
        {"command": name, "samples": size, "phases": {**shares}}
        for name in ("score", "run, replay")
        for size in (250, 100_000)
    ]
    del runs[0]["phases"]["generate"]
    [_, (_, columns, rows)] = tables(Speed(parts={"runs": runs}))
    assert columns == ("phase", "score\n250", "score\n100,000", "run, replay\n250", "run, replay\n100,000")
    assert [row[0] for row in rows] == list(PHASES)
    assert {row[0]: row[1:] for row in rows}["generate"] == ("-", "12.35", "12.35", "12.35")
