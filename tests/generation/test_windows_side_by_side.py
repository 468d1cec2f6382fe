"""A backend that works at several windows at a time: written as they come, in the order of the data at the end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest
from run_cases import Cli, Counting, lines_of, records, write

from groundeval.errors import BackendError
from groundeval.generation.interface import GENERATORS, Completion, SamplingParams
from groundeval.records import Prompt

COUNT = 10


class SideBySide(Counting):
    """Gives every second window before the one in front of it."""

    workers = {"actors": 2, "lost": 0}  # noqa: RUF012

    def generate_windows(
        self, windows: Iterable[Sequence[Prompt]], params: SamplingParams
    ) -> Iterator[tuple[Sequence[Prompt], list[Completion]]]:
        waiting: list[Sequence[Prompt]] = []
        for window in windows:
            waiting.append(window)
            if len(waiting) == 2:
                yield from ((each, list(self.generate(each, params))) for each in reversed(waiting))
                waiting = []
        yield from ((each, list(self.generate(each, params))) for each in waiting)


if "side-by-side" not in GENERATORS:
    # As one of the two that ship with groundeval: the texts are those of `Counting`.
    GENERATORS.add("side-by-side", SideBySide, "these tests", made_by=Counting)


@pytest.fixture
def run(cli: Cli, counting: type[Counting], tmp_path: Path):
    """Runs a backend into a folder; gives the exit code and the run folder."""
    SideBySide.reset()
    data = write(tmp_path / "ten.json", records(COUNT))

    def run(backend: str, *more: str) -> tuple[int, Path]:
        what = ("run", "--model", "m", "--tasks", "asqa", "--nli", "lexical", "--data", data, "--backend", backend)
        ran = cli(*what, "--output-path", tmp_path / backend, *more)
        [folder] = (tmp_path / backend).glob("m/asqa/*")
        return ran.code, folder

    yield run
    SideBySide.reset()


def test_the_files_are_those_of_a_backend_that_takes_turns(run):
    (code, folder), (_, turns) = run("side-by-side"), run("counting")
    assert code == 0
    assert SideBySide.generated[:4] == ["q3", "q2", "q1", "q0"]
    assert folder.name == turns.name, "where a backend runs is no part of what determines the texts"
    for name in ("generations.jsonl", "prompts.jsonl", "scores/*/scores.jsonl", "scores/*/results.json"):
        [[ours], [theirs]] = [list(each.glob(name)) for each in (folder, turns)]
        assert ours.read_bytes() == theirs.read_bytes(), name
    [session] = json.loads((folder / "manifest.json").read_text())["sessions"]
    assert session["workers"] == {"actors": 2, "lost": 0}


def test_what_was_written_before_a_failure_is_kept_and_the_rest_is_generated_in_the_same_windows(run):
    SideBySide.break_at = "q4"
    code, folder = run("side-by-side")
    assert code == 3
    assert [line["id"] for line in lines_of(folder / "generations.jsonl")] == ["q2", "q3", "q0", "q1", "q6", "q7"]
    SideBySide.break_at = None
    SideBySide.generated.clear()
    assert run("side-by-side")[0] == 0
    assert SideBySide.generated == ["q9", "q8", "q5", "q4"]
    assert [line["id"] for line in lines_of(folder / "generations.jsonl")] == [f"q{n}" for n in range(COUNT)]


def test_a_sample_that_failed_is_tried_again(run):
    SideBySide.fail = {"q5"}
    assert run("side-by-side")[0] == 3
    SideBySide.fail = set()
    code, folder = run("side-by-side")
    assert code == 0
    written = [(line["id"], line["status"]) for line in lines_of(folder / "generations.jsonl")]
    assert written.count(("q5", "error")) == written.count(("q5", "ok")) == 1


def test_a_window_without_all_its_completions_is_the_backend_s_fault(run, monkeypatch: pytest.MonkeyPatch):
    def half(self: SideBySide, windows: Iterable[Sequence[Prompt]], params: SamplingParams):
        for window in windows:
            yield window, list(self.generate(window, params))[:1]

    monkeypatch.setattr(SideBySide, "generate_windows", half)
    assert run("side-by-side")[0] == BackendError.exit_code
