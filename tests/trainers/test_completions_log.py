"""Completions that a run keeps: files that score reads, and a page to read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from groundeval.rewards.columns import example_json
from groundeval.rewards.rollouts import Rewarder, Rollout
from groundeval.tasks import load_task
from groundeval.tasks.predictions import read_predictions
from groundeval.trainers.completions_page import spread, write_page
from groundeval.trainers.watching import CompletionLog

REWARD = Rewarder.of("trust", nli="lexical")


@pytest.fixture
def kept(tmp_path: Path) -> CompletionLog:
    """The log of one step: an honest answer, and one with markup in place of citations."""
    example = load_task("trust_asqa").load("embedded", "train").examples[0]
    texts = ["<think>x</think>" + (example.response or ""), "<b>It is Rossini</b> [9]."]
    rollouts = [Rollout("trust_asqa", example_json(replace(example, id="q")), text) for text in texts]
    log = CompletionLog(tmp_path / "completions", "stage1", every=5)
    log.add(5, rollouts, REWARD(rollouts))
    return log


def test_the_steps_that_are_kept_are_the_first_and_every_so_many(kept: CompletionLog):
    assert [step for step in range(1, 12) if kept.wanted(step)] == [1, 5, 10]


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
