"""Checks before the first token is generated."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from run_cases import Cli, Counting

Usage = namedtuple("Usage", ["total", "used", "free"])
RUN = ("run", "--model", "m", "--backend", "counting", "--tasks", "asqa", "--nli", "lexical")


@pytest.fixture
def run(cli: Cli, data: Path, tmp_path: Path, counting: type[Counting]) -> Cli:
    return lambda *flags: cli(*RUN, "--data", data, "--output-path", tmp_path / "runs", *flags)


def test_a_disk_without_room_for_the_run_is_refused_before_anything_is_generated(
    run: Cli, counting: type[Counting], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**6, 10**6 - 5_000, 5_000))
    ran = run()
    assert (ran.code, counting.loaded) == (2, 0)
    assert "0.0 MB are free there" in ran.err
    assert "--output-path" in ran.err


def test_a_resumed_run_needs_room_only_for_what_is_missing(run: Cli, monkeypatch: pytest.MonkeyPatch):
    assert run("--phase", "generate").code == 0
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**6, 10**6 - 5_000, 5_000))
    assert run("--phase", "generate").code == 0
    assert run("--phase", "generate", "--seed", 7).code == 2


def test_a_folder_that_cannot_be_written_to_is_refused(cli: Cli, data: Path, tmp_path: Path, counting: type[Counting]):
    (tmp_path / "file").write_text("")
    ran = cli(*RUN, "--data", data, "--output-path", tmp_path / "file" / "runs")
    assert (ran.code, counting.loaded) == (2, 0)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--metrics", "qa", "--metric-models", "qa=/nowhere"), "qa=/nowhere: no such folder"),
        (("--metric-models", "qaa=x"), 'Did you mean "qa"'),
        (("--post-hoc", "encoder", "--post-hoc-encoder", "/nowhere"), "/nowhere: no such folder"),
        (("--post-hoc", "encoder"), "go together"),
        (("--post-hoc-encoder", "x"), "go together"),
    ],
)
def test_a_model_that_scoring_needs_and_is_not_there_is_refused_first(
    flags: tuple[str, ...], words: str, run: Cli, counting: type[Counting]
):
    ran = run(*flags)
    assert (ran.code, counting.generated) == (2, [])
    assert words in ran.err


def test_a_folder_that_holds_no_model_is_refused_first(run: Cli, tmp_path: Path, counting: type[Counting]):
    pytest.importorskip("transformers")
    ran = run("--metrics", "qa", "--metric-models", f"qa={tmp_path}")
    assert ran.code != 0
    assert counting.generated == []
    assert "--metric-models qa=FOLDER" in ran.err


@pytest.fixture
def short(counting: type[Counting], monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend has a context that every prompt, of 7 tokens, and its answer must share."""
    monkeypatch.setattr(counting, "context_length", 306, raising=False)


@pytest.mark.usefixtures("short")
def test_prompts_of_which_none_fits_are_refused(run: Cli, counting: type[Counting]):
    ran = run()
    assert (ran.code, counting.loaded) == (2, 0)
    assert "no prompt leaves room for the answer" in ran.err
    assert run("--gen-kwargs", "max_new_tokens=299").code == 0


def test_the_longest_prompt_is_said_and_recorded(run: Cli, tmp_path: Path):
    assert "5 prompts, the longest of 7 tokens" in run().err
    [manifest] = tmp_path.glob("runs/*/asqa/*/manifest.json")
    assert '"longest_prompt_tokens": 7' in manifest.read_text()
