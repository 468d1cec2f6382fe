"""Completions that a run keeps: files that score reads, and a page to read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from groundeval.rewards.columns import example_json
from groundeval.rewards.rollouts import Rewarder, Rollout
from groundeval.tasks import load_task
from groundeval.tasks.formats.predictions import read_predictions
from groundeval.trainers.report.completions_page import spread, write_page
from groundeval.trainers.watching import CompletionLog

REWARD = Rewarder.of("trust", nli="lexical")


@pytest.fixture
def kept(tmp_path: Path) -> CompletionLog:
    """The log of one step: an honest answer, and one with markup in place of citations."""
    example = load_task("trust_asqa").load("embedded", "train").examples[0]
    texts = ["<think>x</think>" + (example.response or ""), "<b>It is Rossini</b> [9]."]
    rollouts = [Rollout("trust_asqa", example_json(replace(example, id="q")), text) for text in texts]
    log = CompletionLog(tmp_path / "completions", "stage1", every=5, tasks=["trust_asqa", "tasks/my_task.yaml"])
    log.add(5, rollouts, REWARD(rollouts))
    return log


def kept_of(log: CompletionLog, steps: Iterable[int]) -> list[int]:
    """The steps kept, of those with completions of their own."""
    example = example_json(load_task("trust_asqa").load("embedded", "train").examples[0])
    rollouts = [Rollout("trust_asqa", example, "I do not know.")]
    found = []
    for step in steps:
        if log.wanted(step):
            log.add(step, rollouts, REWARD(rollouts))
            found.append(step)
    return found


def test_the_steps_that_are_kept_are_the_first_and_every_so_many(tmp_path: Path):
    log = CompletionLog(tmp_path, "stage1", every=5, tasks=["trust_asqa"])
    assert kept_of(log, range(1, 18)) == [1, 6, 11, 16]


def test_all_completions_of_a_step_that_is_kept_are_kept(tmp_path: Path):
    log = CompletionLog(tmp_path, "stage1", every=5, tasks=["trust_asqa"])
    assert kept_of(log, [1, 1, 2, 2, 6, 6]) == [1, 1, 6, 6]


def test_where_most_steps_have_no_completions_the_next_that_has_is_kept(tmp_path: Path):
    log = CompletionLog(tmp_path, "stage1", every=10, tasks=["trust_asqa"])
    assert kept_of(log, range(1, 60, 4)) == [1, 13, 25, 37, 49]


def test_a_session_that_goes_on_counts_from_the_step_that_was_kept_last(tmp_path: Path):
    kept_of(CompletionLog(tmp_path, "stage1", every=5, tasks=["trust_asqa"]), range(1, 8))
    again = CompletionLog(tmp_path, "stage1", every=5, tasks=["trust_asqa"])
    assert kept_of(again, range(8, 18)) == [11, 16]


@pytest.mark.parametrize(
    ("tasks", "names"),
    [
        (["trust_asqa", "/mine/qa.yaml"], ["trust_asqa", "qa"]),
        (["tasks.py:legal"], ["tasks"]),
        (["tasks.py:medical", "tasks.py:legal"], ["tasks--medical", "tasks--legal"]),
        (["/x/a/qa.yaml", "/x/b/qa.yaml"], ["a--qa", "b--qa"]),
        (["asqa", "mine/asqa.yaml"], ["asqa", "mine--asqa"]),
        (["/x/a/qa.yaml", "/y/a/qa.yaml"], ["a--qa", "a--qa-2"]),
    ],
)
def test_every_task_has_a_file_of_its_own_whose_name_says_no_more_than_it_must(tasks: list[str], names: list[str]):
    log = CompletionLog(Path("completions"), "stage1", 1, tasks)
    assert [log.file(task).stem for task in tasks] == names


def test_kept_completions_are_a_file_of_outputs_with_an_id_each(kept: CompletionLog):
    read = list(read_predictions(kept.file("trust_asqa")))
    assert [example.id for example, _ in read] == ["q@stage1-5.0", "q@stage1-5.1"]
    assert read[0][1].startswith("<think>x</think>Giovanni Paisiello")


def test_every_rank_has_a_file_of_its_own(kept: CompletionLog, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RANK", "3")
    assert kept.file("tasks/my_task.yaml").name == "my_task.rank3.jsonl"


def test_the_page_shows_sentences_citations_and_verdicts_and_escapes_what_models_write(
    kept: CompletionLog, tmp_path: Path
):
    assert write_page(kept.folder, "Completions", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "Who composed the opera The Barber of Seville?" in page
    assert '<td class="yes">supported</td><td>Giovanni Paisiello composed an opera' in page
    assert '<td class="yes">entailed</td>' in page
    assert "<td>[4]</td>" in page
    assert "&lt;b&gt;It is Rossini&lt;/b&gt;" in page
    assert "<b>It is" not in page


def test_the_page_runs_no_script_loads_nothing_and_hides_nothing(kept: CompletionLog, tmp_path: Path):
    [file, *_] = kept.folder.glob("*.jsonl")
    record = json.loads(file.read_text().splitlines()[0])
    hostile = "</pre></style><script>x</script><img src=//evil.example> \u202eabc\u200b\ud800"
    record |= {"question": hostile, "output": hostile, "components": {hostile: 1.0}, "finish_reason": hostile}
    file.write_text(json.dumps(record) + "\n")
    write_page(kept.folder, hostile, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "default-src 'none'; style-src 'sha256-" in page
    assert page.index("Content-Security-Policy") < page.index("evil")
    assert "<script" not in page
    assert "<img" not in page
    assert "\\u202eabc\\u200b\\ud800" in page
    assert "\u202e" not in page


def test_the_best_completion_of_a_question_comes_first(kept: CompletionLog, tmp_path: Path):
    records = [json.loads(line) for line in kept.file("trust_asqa").read_text().splitlines()]
    assert records[0]["reward"] > records[1]["reward"]
    write_page(kept.folder, "Completions", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.index("Paisiello composed an opera") < page.index("It is Rossini")


def test_a_page_of_nothing_is_not_written(tmp_path: Path):
    assert not write_page(tmp_path, "Completions", tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_a_long_stage_shows_steps_from_its_whole_length():
    assert spread([1, *range(10, 1_001, 10)], 4)[0] == 1
    assert spread([1, *range(10, 1_001, 10)], 4)[-1] == 1_000
    assert len(spread([1, *range(10, 1_001, 10)], 4)) == 4
