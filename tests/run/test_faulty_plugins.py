"""A fault in a plugin is told before the numbers that it changes."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest
from run_cases import Cli, records, write

import groundeval
from groundeval.rewards.registry import REWARDS

BROKEN = """
from groundeval import register_metric

@register_metric("broken", keys=("broken",))
def broken(response, ctx):
    return {"broken": len(response.example.answer) / 100 if response.example.id in FINE else 1 + "1"}
"""
BEYOND = """
from groundeval import Reward, register_reward

def parts(values, line):
    return {"part": 1.31 if line["id"] in BEYOND else 1.0}

@register_reward("beyond")
def beyond(task):
    return Reward(metrics=("answering",), formula=parts, profile="trust")
"""
FAILED = "4 of 6 samples failed: the numbers are over the other 2; the first: q0: scoring failed: TypeError"


@pytest.fixture(autouse=True)
def rewards_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    REWARDS.names()
    monkeypatch.setattr(REWARDS, "_entries", dict(REWARDS._entries))


def test_failed_samples_are_told_above_the_table_and_once(cli: Cli, tmp_path: Path):
    data = write(tmp_path / "data.json", records(6))
    plugin = write(tmp_path / "broken.py", BROKEN.replace("FINE", "('q4', 'q5')"))
    given = ("score", data, "--task", "asqa", "--metrics", "broken,str_em", "--include-path", plugin)
    for flags in ((), ("--quiet",)):
        ran = cli(*given, *flags)
        assert ran.code == 0
        shown = " ".join(ran.out.split())
        assert shown.index(f"warning: asqa: {FAILED}") < shown.index("n = 2 (4 error)")
        assert (shown + ran.err).count("samples failed") == 1
    written = cli(*given, "--output-path", tmp_path / "out", "--json").json
    assert FAILED in written["notes"][-1]
    assert "warnings" not in written
    [stored] = (tmp_path / "out").rglob("results.json")
    assert json.loads(stored.read_text())["notes"] == written["notes"]


def test_metrics_that_a_failure_leaves_waiting_end_in_silence(
    cli: Cli, tmp_path: Path, recwarn: pytest.WarningsRecorder
):
    plugin = write(tmp_path / "broken.py", BROKEN.replace("FINE", "('q1',)"))
    data = write(tmp_path / "data.json", records(2))
    given = ("--task", "asqa", "--metrics", "citation,broken", "--nli", "lexical", "--include-path", plugin)
    assert cli("score", data, *given).code == 0
    gc.collect()
    assert [str(each.message) for each in recwarn if "never awaited" in str(each.message)] == []


def test_a_notebook_shows_the_warning_too(tmp_path: Path):
    plugin = write(tmp_path / "broken.py", BROKEN.replace("FINE", "('q4', 'q5')"))
    groundeval.load_plugin(plugin)
    [result] = groundeval.score(records(6), task="asqa", metrics="broken")
    assert [line for line in result._notes() if FAILED in line] == [f"warning: {result.results.notes[-1]}"]


def test_without_a_failure_there_is_no_warning(cli: Cli, tmp_path: Path):
    ran = cli("score", write(tmp_path / "data.json", records(6)), "--task", "asqa", "--metrics", "str_em")
    assert ran.code == 0
    assert "warning" not in ran.out + ran.err


def test_totals_outside_the_declared_range_of_a_reward_are_told(cli: Cli, tmp_path: Path):
    data = write(tmp_path / "data.json", records(4))

    def notes(file: str, ids: str) -> list[str]:
        plugin = write(tmp_path / file, BEYOND.replace("BEYOND", ids, 1).replace('"beyond"', f'"{file[:-3]}"'))
        given = ("--task", "trust_asqa", "--nli", "lexical", "--reward", file[:-3], "--include-path", plugin)
        found: list[str] = cli("score", data, *given, "--json").json["notes"]
        return [note for note in found if "declared range" in note]

    outside = "outside its declared range [0, 1]; the first: q1: 1.31"
    assert notes("two.py", "('q1', 'q3')") == [f"reward:two: 2 values {outside}"]
    assert notes("one.py", "('q1',)") == [f"reward:one: 1 value {outside}"]
    assert notes("none.py", "()") == []
