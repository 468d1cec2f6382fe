"""`--num-samples`: several answers to each question, means over questions, and the best of the answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_cases import Cli, Counting, lines_of, records, write

from groundeval.metrics.metric import METRICS
from groundeval.stats.repeats import best_of, questions_of

OLD, CITY, BOTH = "It is old [2].", "City {n} is {city} [1].", "City {n} is {city} [1]. It is old [2]."
CITIES = ("Paris", "Rome", "Oslo", "Bonn")


def answers(number: int) -> list[str]:
    """Three answers that hold one, one and both of the two gold answers; of the first question, none at all."""
    texts = [OLD, CITY, BOTH] if number else ["Nobody knows."] * 3
    return [text.format(n=number, city=CITIES[number % 4]) for text in texts]


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    return write(tmp_path / "m.json", [{"id": f"q{n}", "output": answers(n)} for n in range(4)])


@pytest.fixture
def run(cli: Cli, tmp_path: Path, outputs: Path) -> Cli:
    data = write(tmp_path / "data.json", records(4))

    def ran(*flags: object) -> Any:
        what = ("run", "--model", outputs, "--backend", "replay", "--tasks", "asqa", "--data", data)
        return cli(*what, "--nli", "lexical", "--output-path", tmp_path / "runs", "--json", *flags)

    return ran


def test_each_question_weighs_the_same_and_the_best_answer_is_reported_beside_the_mean(run: Cli):
    found = run("--num-samples", 3).json
    assert (found["n"], found["num_samples"], found["statuses"]) == (4, 3, {"ok": 12})
    # Three questions with 1/2, 1/2 and 1, one with 0: the mean over questions of the mean over answers.
    assert found["metrics"]["str_em"]["value"] == pytest.approx(100 * (3 * (2 / 3)) / 4)
    assert found["metrics"]["str_em"]["n"] == 4
    assert found["best_of"]["str_em"]["value"] == 75.0
    assert found["best_of"]["str_hit"]["value"] == 75.0
    assert found["best_of"]["str_hit"]["n"] == 4
    assert "length" not in found["best_of"]


def test_the_interval_is_over_questions_and_does_not_shrink_with_the_number_of_answers(run: Cli, tmp_path: Path):
    one = run("--num-samples", 1, "--limit", 4, "--model-args", "output_field=first")
    assert one.code != 0, "the field is not there"
    write(tmp_path / "m.json", [{"id": f"q{n}", "output": [answers(n)[2]] * 8} for n in range(4)])
    repeated = run("--num-samples", 8).json["metrics"]["str_em"]
    write(tmp_path / "m.json", [{"id": f"q{n}", "output": answers(n)[2]} for n in range(4)])
    once = run().json["metrics"]["str_em"]
    for name in ("value", "stderr"):
        assert repeated[name] == pytest.approx(once[name])
    assert repeated["ci95"] == pytest.approx(once["ci95"])
    assert repeated["n"] == once["n"] == 4


def test_an_answer_that_failed_leaves_the_others_of_its_question(run: Cli, tmp_path: Path):
    whole = [{"id": f"q{n}", "output": answers(n)} for n in range(4)]
    write(tmp_path / "m.json", [*whole[:3], {"id": "q3", "output": answers(3)[2:]}])
    ran = run("--num-samples", 3)
    assert ran.code == 3
    assert "holds no output number 2" in ran.err
    found = run("--num-samples", 3, "--phase", "score").json
    assert (found["n"], found["statuses"]) == (4, {"error": 2, "ok": 10})
    assert found["metrics"]["str_em"]["value"] == pytest.approx(100 * (0 + 2 / 3 + 2 / 3 + 1) / 4)


def test_a_run_folder_of_several_answers_is_scored_again_the_same_way(run: Cli, cli: Cli, tmp_path: Path):
    first = run("--num-samples", 3).json
    again = cli("score", first["run_folder"], "--data", tmp_path / "data.json", "--nli", "lexical", "--json").json
    for name in ("n", "num_samples", "metrics", "best_of", "statuses"):
        assert again[name] == first[name]
    assert [line["id"] for line in lines_of(Path(first["run_folder"]) / "generations.jsonl")][:3] == [
        "q0#1",
        "q0#2",
        "q0#3",
    ]


def test_several_outputs_are_not_taken_for_one(run: Cli):
    ran = run()
    assert ran.code == 1
    assert "record 1: has 3 outputs" in ran.err
    assert "--num-samples 3" in ran.err


SAMPLED = ("--gen-kwargs", "temperature=0.7", "--num-samples", 3)


def test_greedy_decoding_of_several_answers_is_refused(cli: Cli, data: Path, counting: type[Counting]):
    what = ("run", "--model", "m", "--backend", "counting", "--tasks", "asqa", "--data", data, "--nli", "lexical")
    ran = cli(*what, "--num-samples", 2)
    assert (ran.code, counting.generated) == (2, [])
    assert "--gen-kwargs temperature" in ran.err
    assert cli(*what, "--num-samples", 0, "--gen-kwargs", "temperature=1").code == 2


def test_every_answer_is_resumed_by_itself(cli: Cli, data: Path, tmp_path: Path, counting: type[Counting]):
    what = ("run", "--model", "m", "--backend", "counting", "--tasks", "asqa", "--data", data, "--nli", "lexical")
    run = (*what, "--output-path", tmp_path / "runs", "--json", *SAMPLED)
    counting.break_at = "q1#2"
    assert cli(*run).code == 3
    stored = set(counting.generated)
    assert stored >= {"q0#1", "q0#2", "q0#3"}
    counting.break_at, counting.generated = None, []
    assert cli(*run).json["n"] == 5
    [path] = tmp_path.glob("runs/*/asqa/*/generations.jsonl")
    assert sorted(line["id"] for line in lines_of(path)) == sorted(f"q{n}#{k}" for n in range(5) for k in (1, 2, 3))
    plain = cli(*what, "--output-path", tmp_path / "runs", "--json", "--gen-kwargs", "temperature=0.7").json
    assert Path(plain["run_folder"]) != path.parent, "one answer each is another run"


def test_what_was_drawn_can_be_replayed(run: Cli, cli: Cli, tmp_path: Path):
    first = run("--num-samples", 3).json
    copy = tmp_path / "copy.jsonl"
    copy.write_text((Path(first["run_folder"]) / "generations.jsonl").read_text())
    original, replayed = run("--model", copy, "--num-samples", 3).json
    assert replayed["run_folder"] != original["run_folder"]
    assert replayed["metrics"] == original["metrics"] == first["metrics"]


def test_a_questions_answers_are_known_by_their_ids_whatever_its_own_id_is():
    assert list(questions_of(["a#1", "a#2", "a#b#1", "c#1", "a#b#2"])) == [0, 0, 1, 2, 1]


def test_what_is_worse_when_there_is_more_of_it_has_no_best_answer():
    aggregates = {**METRICS.get("strict_outcome").aggregates, **METRICS.get("str_em").aggregates}
    values = {name: np.array([1.0, 0.0]) for name in ("mixed", "void", "str_em", "str_hit")}
    found = best_of(values, aggregates, questions_of(["a#1", "a#2"]))
    assert {key: each.value for key, each in found.items()} == {"str_em": 100.0, "str_hit": 100.0}
