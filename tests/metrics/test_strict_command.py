"""Profile `strict` through the command line, in every task."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from metric_cases import REFUSAL

from groundeval.cli.app import main
from groundeval.records import Example
from groundeval.tasks import load_task
from groundeval.tasks.reference import reference_response

TASKS = ("asqa", "qampari", "eli5", "trust_asqa", "trust_qampari", "trust_eli5", "trust_expertqa")


def outputs(task: str, path: Path, *, with_flags: bool = True) -> Path:
    """Honest outputs to a task's embedded examples, as a file."""
    loaded = load_task(task)
    records = [
        record(each, reference_response(each, loaded.kind), with_flags) for each in loaded.load("embedded").examples
    ]
    path.write_text(json.dumps(records))
    return path


def record(example: Example, output: str, with_flags: bool) -> dict[str, object]:
    docs = [replace(each, sent=None, summary=None, extraction=None) for each in example.docs or ()]
    flags = [{"answers_found": each.answers_found} if with_flags else {} for each in docs]
    return {
        "id": example.id,
        "question": example.question,
        "answers": example.answers,
        "docs": [{"title": d.title, "text": d.text, **flag} for d, flag in zip(docs, flags, strict=True)],
        "output": output,
    }


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    assert main([*arguments, "--nli", "lexical", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    return found if isinstance(found, list) else [found]


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_scored_under_three_profiles_at_once(
    task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = outputs(task, tmp_path / "outputs.json")
    found = printed(
        capsys,
        "score",
        str(file),
        "--task",
        task,
        "--profile",
        "alce,trust,strict",
        "--output-path",
        str(tmp_path / "out"),
    )
    assert [each["profile"] for each in found] == ["alce", "trust", "strict"]
    strict = found[-1]["metrics"]
    assert isinstance(strict, dict)
    assert strict["macro_f1"]["value"] == 100
    assert strict["correctness_f1"]["value"] > 99  # long sentences cost a little
    assert strict["trust_score"]["value"] > 90
    assert "trust_score" in found[-1]["headline"]  # type: ignore[operator]


def test_answers_found_is_computed_where_the_file_lacks_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = outputs("trust_asqa", tmp_path / "outputs.json", with_flags=False)
    arguments = ("score", str(file), "--task", "trust_asqa", "--profile", "strict")
    [found] = printed(capsys, *arguments, "--output-path", str(tmp_path / "out"))
    assert found["metrics"]["correctness_f1"]["value"] > 99  # type: ignore[index]


def test_the_quantities_of_the_reward_are_printed_when_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "outputs.json"
    examples = load_task("trust_qampari").load("embedded").examples
    file.write_text(json.dumps([record(each, REFUSAL, True) for each in examples]))
    arguments = ("score", str(file), "--task", "trust_qampari", "--profile", "strict")
    [found] = printed(
        capsys, *arguments, "--metrics", "strict_grounded,plain_refusal", "--output-path", str(tmp_path / "out")
    )
    values = {key: each["value"] for key, each in found["metrics"].items()}  # type: ignore[attr-defined]
    assert values == {"grounded_rec": 0, "grounded_useful": 0, "grounded_cited": 0, "plain_refusal": 100}
