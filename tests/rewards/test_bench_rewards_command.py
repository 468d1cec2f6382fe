"""`groundeval bench rewards`: tables, files, exit codes, and error messages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from groundeval.cli.app import main
from groundeval.rewards.benchmark.families import FAMILIES
from groundeval.rewards.benchmark.run import BenchmarkOptions, Outcome, run_benchmark
from groundeval.tasks.formats.sources import EMBEDDED

CLAPNQ = Path(__file__).parents[2] / "examples" / "clapnq.yaml"
SHARED = Path(__file__).parents[2].parent / "shared" / "data"
CONSTANT = '''
from groundeval.rewards import Reward, register_reward


def always(values, line):
    return {"constant": 0.5}


@register_reward("constant_of_the_benchmark_test")
def constant(task):
    """The same for everything."""
    return Reward(("answering",), always, "trust")
'''


def small(rewards: tuple[str, ...] = ("trust",), **options: object) -> Outcome:
    data = {"trust_asqa": EMBEDDED, "trust_qampari": EMBEDDED, "trust_eli5": EMBEDDED}
    return run_benchmark(BenchmarkOptions(rewards=rewards, data=data, limit=3, **options))  # type: ignore[arg-type]


def test_the_strict_reward_stands_where_the_published_ones_are_fooled() -> None:
    found = {row.name: row for row in small(("strict_grounded", "trust", "alce", "ground_grpo_stage2")).rows}
    assert (found["strict_grounded"].mean or 0) >= 99
    assert (found["strict_grounded"].kept or 0) >= 85
    assert {name for name, row in found.items() if not row.passes} >= {"trust", "alce", "ground_grpo_stage2"}
    fooled = {
        name: {key for key, cell in row.cells.items() if cell is not None and cell.accuracy.value < 80}
        for name, row in found.items()
    }
    assert {"12", "13="} <= fooled["trust"]
    assert {"5", "12"} <= fooled["ground_grpo_stage2"]
    assert "9b" in fooled["alce"]
    assert fooled["strict_grounded"] == set()


@pytest.mark.slow
def test_the_strict_reward_passes_on_all_embedded_data() -> None:
    [found] = run_benchmark(BenchmarkOptions(rewards=("strict_grounded",))).rows
    assert found.passes
    assert all(found.cells[key] is not None for key in FAMILIES)


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "clapnq").exists(), reason="needs the shared data")
def test_the_strict_reward_passes_on_clapnq() -> None:
    [found] = run_benchmark(BenchmarkOptions(rewards=("strict_grounded",), data={str(CLAPNQ): None})).rows
    assert found.passes


def test_a_constant_reward_fails_with_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "constant.py"
    file.write_text(CONSTANT, "utf-8")
    arguments = ["bench", "rewards", "--rewards", str(file), "--tasks", "trust_asqa", "--data", EMBEDDED, "--json"]
    assert main(arguments) == 1
    [row] = json.loads(capsys.readouterr().out)["rows"]
    assert (row["passes"], row["mean"], row["group_variance"]) == (False, 50.0, 0.0)


def test_a_reward_that_passes_has_exit_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bench", "rewards", "--rewards", "strict_grounded", "--data", "trust_qampari=embedded", "--limit", "4"]
    assert main(arguments) == 0
    assert "passes" in capsys.readouterr().out


def test_data_without_unanswerable_questions_cannot_carry_their_family(tmp_path: Path) -> None:
    record = {
        "question": "Who painted the chapel?",
        "answers": [["Anna Berg"]],
        "docs": [
            {"title": "Chapel", "text": "Anna Berg painted the chapel in 1702.", "answers_found": [1]},
            {"title": "Market", "text": "The market opens at dawn.", "answers_found": [0]},
        ],
    }
    file = tmp_path / "one.json"
    file.write_text(json.dumps([record]), "utf-8")
    [found] = run_benchmark(BenchmarkOptions(rewards=("trust",), data={"trust_asqa": str(file)})).rows
    assert found.cells["9b"] is None
    assert found.cells["9a"] is not None


def test_missing_flags_are_computed_with_a_note(tmp_path: Path) -> None:
    record = {
        "question": "Who painted the chapel?",
        "answers": [["Anna Berg"]],
        "docs": [
            {"title": "Chapel", "text": "Anna Berg painted it."},
            {"title": "Market", "text": "It opens at dawn."},
        ],
    }
    file = tmp_path / "one.json"
    file.write_text(json.dumps([record]), "utf-8")
    outcome = run_benchmark(BenchmarkOptions(rewards=("trust",), data={"trust_asqa": str(file)}))
    assert outcome.answerable == 1
    assert any("answers_found" in note for note in outcome.notes)


def test_the_same_seed_gives_the_same_table() -> None:
    def cells(seed: int) -> object:
        return small(seed=seed, families=("1", "2")).rows[0].cells

    assert cells(1) == cells(1) != cells(2)


@pytest.mark.slow
def test_the_table_is_the_same_in_every_process() -> None:
    arguments = ["--rewards", "alce,trust", "--data", "trust_asqa=embedded", "--edits", "60", "--json"]
    tables = []
    for hash_seed in ("1", "2"):
        command = [sys.executable, "-m", "groundeval", "bench", "rewards", *arguments]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        found = json.loads(done.stdout)
        for row in found["rows"]:
            del row["cost"]
        tables.append(found)
    assert tables[0] == tables[1]


def test_the_files_hold_table_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bench", "rewards", "--data", "trust_asqa=embedded", "--limit", "3", "--families", "1,13,5"]
    assert main([*arguments, "--edits", "40", "--output-path", str(tmp_path)]) == 0
    capsys.readouterr()
    machine = json.loads((tmp_path / "reward_benchmark.json").read_text("utf-8"))
    assert machine["kind"] == "reward_benchmark"
    assert machine["attacks"] == ["1", "13=", "5"]
    assert "strict_grounded" in machine["rewards"]
    assert len(machine["values"]) == len(machine["rewards"]) == len(machine["rows"])
    assert all(len(row) == 3 for row in machine["values"])
    assert {climb["name"] for climb in machine["climbs"]} <= set(machine["rewards"])
    page = (tmp_path / "reward_benchmark.md").read_text("utf-8")
    assert "Fooled most by" in page
    assert "| 13= | paraphrase, order, style of citations |" in page
    assert (tmp_path / "reward_benchmark.png").read_bytes().startswith(b"\x89PNG")


def test_a_part_of_a_reward_is_a_rival_of_its_own() -> None:
    total, part = small(("trust", "trust.citation"), families=("2",)).rows
    assert (total.name, part.name) == ("trust", "trust.citation")
    assert part.cells["2"] is not None
    assert part.cells["2"].accuracy.value == 100.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rewards", "trusty"], 'unknown reward "trusty"'),
        (["--rewards", "trust.citations", "--limit", "1"], 'unknown part of reward "trust" "citations"'),
        (["--families", "17"], 'unknown family "17"'),
        (["--nli", "by-construktion"], "by-construktion"),
        (["--nli-args", "threshold=0.5"], "--nli by-construction takes no options, but --nli-args gives threshold"),
        (["--tasks", "trust_asq"], 'unknown task "trust_asq"'),
        (["--human-gold", "x.json"], "--human-gold goes with --human"),
    ],
)
def test_wrong_input_is_named_before_anything_is_scored(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "rewards", *arguments]) == 2
    assert message in capsys.readouterr().err
