"""Training data made by groundeval: reference responses, and the best of several answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from groundeval.cli.app import main
from groundeval.rewards.rollouts import Rewarder, Rollout
from groundeval.tasks import load_task
from groundeval.trainers.data import distill
from groundeval.trainers.data.conversations import read_imitations, read_preferences


def distilled(output: Path, *flags: str) -> list[dict[str, Any]]:
    assert main(["distill", str(output), "--tasks", "trust_asqa", "--quiet", "--nli", "lexical", *flags]) == 0
    return [json.loads(line) for line in output.read_text().splitlines()]


def test_honest_data_has_a_row_for_every_question_and_reads_as_training_data(tmp_path: Path):
    rows = distilled(tmp_path / "sft.jsonl", "--honest", "--data", "embedded")
    examples = load_task("trust_asqa").load("embedded", "train").examples
    assert [row["id"] for row in rows] == [example.id for example in examples]
    read = read_imitations(tmp_path / "sft.jsonl")
    assert [each.completion for each in read] == [example.response for example in examples]
    assert all(example.question in each.prompt[0]["content"] for each, example in zip(read, examples, strict=True))


def test_honest_pairs_differ_in_reward_and_not_in_form(tmp_path: Path):
    from groundeval.rewards.columns import example_json

    rows = distilled(tmp_path / "dpo.jsonl", "--honest", "--tagged", "--format", "dpo", "--data", "embedded")
    examples = {each.id: each for each in load_task("trust_asqa").load("embedded", "train").examples}
    reward = Rewarder.of("ground_grpo_stage2", nli="lexical")
    for row, pair in zip(rows, read_preferences(tmp_path / "dpo.jsonl"), strict=True):
        example = example_json(examples[row["id"]])
        better, worse = reward([Rollout("trust_asqa", example, text) for text in (pair.chosen, pair.rejected)])
        assert (better.components["format"], worse.components["format"]) == (1.0, 1.0)
        assert better.total > worse.total


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    """A file of two answers to each of two questions, as the backend `replay` reads it: a good one, a bad one."""
    examples = load_task("trust_asqa").load("embedded", "train").examples[:2]
    records = []
    for example in examples:
        answers = ["I do not know.", example.response]
        records += [{"id": f"{example.id}#{draw}", "output": text} for draw, text in enumerate(answers, 1)]
    file = tmp_path / "teacher.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file


def best_of_two(tmp_path: Path, teacher: Path, *flags: str) -> list[dict[str, Any]]:
    return distilled(
        tmp_path / "out.jsonl", "--backend", "replay", "--model", str(teacher), "--data", "embedded", "--limit", "2",
        "--num-samples", "2", "--reward", "ground_grpo_instruct", "--runs", str(tmp_path / "runs"), *flags,
    )  # fmt: skip


def test_the_best_of_several_answers_by_reward_is_written(tmp_path: Path, teacher: Path):
    rows = best_of_two(tmp_path, teacher)
    examples = load_task("trust_asqa").load("embedded", "train").examples[:2]
    assert [row["completion"][0]["content"] for row in rows] == [example.response for example in examples]


def test_pairs_are_the_best_and_the_worst_answer(tmp_path: Path, teacher: Path):
    for row in best_of_two(tmp_path, teacher, "--format", "dpo"):
        assert row["rejected"][0]["content"] == "I do not know."
        assert row["reward"] > row["reward_rejected"]


def test_a_threshold_that_no_answer_reaches_is_an_error_with_what_to_do(tmp_path: Path, teacher: Path, capsys):
    arguments = [
        "--backend",
        "replay",
        "--model",
        str(teacher),
        "--data",
        "embedded",
        "--limit",
        "2",
        "--num-samples",
        "2",
    ]
    flags = [
        "--reward",
        "ground_grpo_instruct",
        "--min-reward",
        "99",
        "--nli",
        "lexical",
        "--runs",
        str(tmp_path / "r"),
    ]
    assert main(["distill", str(tmp_path / "o.jsonl"), "--tasks", "trust_asqa", "--quiet", *arguments, *flags]) == 1
    assert "no row is left of 2 questions" in capsys.readouterr().err
    assert not (tmp_path / "o.jsonl").exists()


@pytest.fixture
def nothing_is_generated(monkeypatch: pytest.MonkeyPatch) -> None:
    def execute(*arguments: object) -> None:
        raise AssertionError("the teacher was asked")

    monkeypatch.setattr(distill, "execute", execute)


ASKED = ["--backend", "replay", "--num-samples", "2", "--quiet"]


@pytest.mark.usefixtures("nothing_is_generated")
def test_a_verifier_that_is_not_there_is_found_before_the_teacher_is_asked(tmp_path: Path, teacher: Path, capsys):
    (tmp_path / "empty").mkdir()
    config = {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}
    (tmp_path / "empty" / "config.json").write_text(json.dumps(config))
    flags = ["--model", str(teacher), "--data", "embedded", "--limit", "2", "--nli", str(tmp_path / "empty")]
    output = str(tmp_path / "o.jsonl")
    assert main(["distill", output, "--tasks", "trust_asqa", "--runs", str(tmp_path), *ASKED, *flags]) == 2
    assert str(tmp_path / "empty") in capsys.readouterr().err


@pytest.mark.usefixtures("nothing_is_generated")
def test_data_without_what_the_reward_reads_are_found_before_the_teacher_is_asked(tmp_path: Path, capsys):
    record = {"id": "1", "question": "Who?", "answers": [["Ann"]], "docs": [{"title": "Books", "text": "By Ann."}]}
    (tmp_path / "data.json").write_text(json.dumps([record]))
    (tmp_path / "teacher.jsonl").write_text("".join(json.dumps({"id": f"1#{n}", "output": "x"}) + "\n" for n in (1, 2)))
    flags = ["--model", str(tmp_path / "teacher.jsonl"), "--data", str(tmp_path / "data.json"), "--reward", "alce"]
    output = str(tmp_path / "o.jsonl")
    assert main(["distill", output, "--tasks", "asqa", "--runs", str(tmp_path), *ASKED, *flags]) == 1
    assert 'task asqa, example 1#1: reward "alce": metric' in capsys.readouterr().err


@pytest.mark.usefixtures("nothing_is_generated")
@pytest.mark.parametrize("made", [["--honest"], ["--model", "teacher.jsonl", *ASKED]])
@pytest.mark.parametrize(("output", "message"), [(".", "is a folder"), ("file/o.jsonl", "Choose another file")])
def test_a_file_that_cannot_be_written_is_found_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, made: list[str], output: str, message: str
):
    def load(*arguments: object) -> None:
        raise AssertionError("data were read")

    monkeypatch.setattr(distill, "prepare_run", load)
    monkeypatch.setattr(distill, "with_located_answers", load)
    (tmp_path / "file").write_text("")
    arguments = ["--tasks", "trust_asqa", "--data", "embedded", "--nli", "lexical", *made]
    assert main(["distill", str(tmp_path / output), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_teacher_and_honest_responses_exclude_each_other(tmp_path: Path, capsys):
    assert main(["distill", str(tmp_path / "o.jsonl"), "--tasks", "trust_asqa"]) == 2
    assert "give either a teacher (--model) or --honest" in capsys.readouterr().err
