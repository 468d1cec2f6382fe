"""Training data as trainers read them: streamed from a task's data, and understood by the adapters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from reward_cases import lexical
from tiny_models import CHATML, REASONING

from groundeval.cli.app import main
from groundeval.rewards.adapters.openrlhf import rollout
from groundeval.rewards.adapters.verl import compute_score_sync
from groundeval.rewards.columns import example_of
from groundeval.rewards.rollouts import Rewarder, Rollout
from groundeval.tasks import load_task

EMBEDDED = load_task("trust_asqa").load("embedded", "train").examples


def exported(out: Path, *arguments: str) -> list[dict[str, Any]]:
    assert main(["data", "export", "--data", "embedded", "--out", str(out), *arguments]) == 0
    if out.suffix == ".jsonl":
        return [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    from pyarrow import parquet

    return parquet.read_table(out).to_pylist()


def honest(task: str, example: str) -> float | None:
    """The reward of the example's own reference response."""
    text = example_of(example).response
    assert text is not None
    return Rewarder.of("trust", nli="lexical")([Rollout(task, example, text)], lexical())[0].total


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_trl_gets_messages_task_and_example(suffix: str, tmp_path: Path):
    rows = exported(tmp_path / f"train.{suffix}", "--task", "trust_asqa,trust_eli5", "--system", "Think first.")
    assert {row["task"] for row in rows} == {"trust_asqa", "trust_eli5"}
    assert [message["role"] for message in rows[0]["prompt"]] == ["system", "user"]
    assert EMBEDDED[0].question in rows[0]["prompt"][1]["content"]
    assert [honest(row["task"], row["example"]) for row in rows] == [1.0] * len(rows)


def test_verl_gets_the_task_as_source_and_the_example_as_ground_truth(tmp_path: Path):
    rows = exported(tmp_path / "train.parquet", "--task", "trust_asqa", "--format", "verl")
    assert len(rows) == len(EMBEDDED)
    first = rows[0]
    assert (first["data_source"], first["reward_model"]["style"]) == ("trust_asqa", "rule")
    assert first["extra_info"] == {"split": "train", "index": 0, "id": EMBEDDED[0].id}
    assert honest(first["data_source"], first["reward_model"]["ground_truth"]) == 1.0


def test_openrlhf_gets_a_label_that_its_reward_function_reads(tmp_path: Path):
    [row] = exported(tmp_path / "train.jsonl", "--task", "trust_asqa", "--format", "openrlhf", "--limit", "1")
    assert set(row) == {"input", "label"}
    asked = rollout("Q?A</s>", "Q?", row["label"])
    assert (asked.task, asked.text) == ("trust_asqa", "A")
    assert honest(asked.task, asked.example) == 1.0


def test_an_example_holds_only_the_documents_that_its_prompt_shows(tmp_path: Path):
    rows = exported(tmp_path / "train.jsonl", "--task", "trust_asqa", "--num-docs", "2")
    assert all(len(example_of(row["example"]).docs or ()) == 2 for row in rows)


def test_every_task_may_have_data_of_its_own(tmp_path: Path):
    own = tmp_path / "own.jsonl"
    own.write_text(json.dumps({"question": "Own?", "docs": [], "answers": [["x"]]}) + "\n")
    given = ["--task", "trust_asqa,trust_eli5", "--data", f"trust_asqa={own}"]
    rows = exported(tmp_path / "train.jsonl", *given)
    assert [example_of(row["example"]).question for row in rows if row["task"] == "trust_asqa"] == ["Own?"]
    assert len([row for row in rows if row["task"] == "trust_eli5"]) > 1


@pytest.mark.parametrize("format", ["verl", "trl", "openrlhf"])
@pytest.mark.parametrize(
    ("template", "flags", "prefill"),
    [
        (REASONING, (), "<think>\n"),
        (REASONING, ("--chat-template-kwargs", "enable_thinking=false"), ""),
        (CHATML, (), ""),
        (None, (), ""),
    ],
)
def test_what_the_chat_template_begins_is_written_and_read_by_the_reward(
    format: str, template: str | None, flags: tuple[str, ...], prefill: str, tiny: Any, tmp_path: Path
):
    given = ("--task", "trust_asqa", "--format", format, "--limit", "1", "--tokenizer", str(tiny(template)), *flags)
    [row] = exported(tmp_path / "train.parquet", *given)
    carried = {"trl": row, "verl": row.get("extra_info"), "openrlhf": json.loads(row.get("label", "{}"))}[format]
    assert carried["prefill"] == prefill


def test_a_thought_begun_by_the_template_costs_nothing_under_verl(tiny: Any, tmp_path: Path):
    given = ("--task", "trust_asqa,trust_eli5", "--format", "verl", "--tokenizer", str(tiny(REASONING)))
    row = exported(tmp_path / "train.parquet", *given)[0]
    example = row["reward_model"]["ground_truth"]
    rest = f"Hm.</think>\n<answer>{example_of(example).response}</answer>"
    options: dict[str, Any] = {"reward": "ground_grpo_stage2", "nli": "lexical", "parameters": {"reduction": "mean"}}
    begun, unknown = (
        compute_score_sync(row["data_source"], rest, example, extra_info=each, **options)
        for each in (row["extra_info"], {})
    )
    assert (begun["score"], unknown["score"]) == (3.5, 0.75)


def test_rows_of_several_tasks_name_them_all(tmp_path: Path):
    rows = exported(tmp_path / "train.parquet", "--task", "trust_asqa,trust_eli5", "--format", "verl")
    assert {tuple(row["extra_info"]["tasks"]) for row in rows} == {("trust_asqa", "trust_eli5")}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--chat-template-kwargs", "enable_thinking=false"), "--chat-template-kwargs: needs --tokenizer"),
        (("--data", "asqa=x.json"), 'unknown task of this run in --data "asqa"'),
        (("--format", "vrl"), 'unknown --format "vrl". Did you mean "verl"?'),
        (("--format", "verl"), "verl reads parquet; name the file train.parquet"),
        (("--task", "trust_asqq"), 'unknown task "trust_asqq"'),
        (("--out", "train.csv"), "must end in .parquet or .jsonl"),
    ],
)
def test_a_wrong_export_leaves_no_file(
    arguments: tuple[str, ...], says: str, tmp_path: Path, capsys: Any, monkeypatch: Any
):
    monkeypatch.chdir(tmp_path)
    given = ["data", "export", "--task", "trust_asqa", "--data", "embedded", "--out", "train.jsonl", *arguments]
    assert main(given) == 2
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
