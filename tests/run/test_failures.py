"""Samples and backends that fail: recorded, tried again, and never taken for a score of 0."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli, Counting, lines_of, records, write

import groundeval
from groundeval.errors import BackendError, Interrupted, SampleError, UsageError
from groundeval.nli.engine import BatchOptions
from groundeval.nli.verifiers.lexical import Lexical
from groundeval.records import Pair, Verdict
from groundeval.storage.folder import DiskFull, FolderBusy, Lines

RUN = ("run", "--model", "org/m", "--backend", "counting", "--nli", "lexical")


@pytest.fixture
def run(cli: Cli, data: Path, tmp_path: Path, counting: type[Counting]) -> Cli:
    def ran(*flags: object) -> Any:
        return cli(*RUN, "--tasks", "asqa", "--data", data, "--output-path", tmp_path / "runs", *flags)

    return ran


def texts(tmp_path: Path) -> dict[str, str]:
    """Status of every stored text, by sample; the last line counts."""
    [path] = tmp_path.glob("runs/*/asqa/*/generations.jsonl")
    return {line["id"]: line["status"] for line in lines_of(path)}


def test_a_failed_sample_is_recorded_with_its_reason_and_the_command_can_be_resumed(
    tmp_path: Path, run: Cli, counting: type[Counting]
):
    counting.fail = {"q1", "q4"}
    ran = run("--json")
    assert ran.code == 3
    assert ran.json == []
    assert "2 of 5 samples failed" in ran.err
    assert "the prompt is too long" in ran.err
    assert texts(tmp_path) == {"q0": "ok", "q1": "error", "q2": "ok", "q3": "ok", "q4": "error"}
    [path] = tmp_path.glob("runs/*/asqa/*/generations.jsonl")
    assert lines_of(path)[1]["error"] == "the prompt is too long"


def test_failed_samples_and_no_others_are_tried_again(tmp_path: Path, run: Cli, counting: type[Counting]):
    counting.fail = {"q1", "q4"}
    run()
    counting.generated, counting.fail = [], {"q4"}
    assert run().code == 3
    assert sorted(counting.generated) == ["q1", "q4"]
    counting.generated, counting.fail = [], set()
    ran = run("--json")
    assert ran.code == 0
    assert counting.generated == ["q4"]
    assert ran.json["statuses"] == {"ok": 5}
    assert texts(tmp_path) == dict.fromkeys(("q0", "q1", "q2", "q3", "q4"), "ok")


def test_failed_samples_are_left_out_of_every_mean_when_scoring_is_asked_for(
    tmp_path: Path, run: Cli, counting: type[Counting]
):
    counting.fail = {"q1", "q4"}
    run()
    ran = run("--phase", "score", "--json")
    assert ran.code == 0
    assert ran.json["statuses"] == {"error": 2, "ok": 3}
    assert ran.json["n"] == 3
    assert {metric["n"] for metric in ran.json["metrics"].values()} == {3}
    # Every text holds "old", one of the two gold answers: with zeros for the failed ones it would be 30.
    assert ran.json["metrics"]["str_em"]["value"] == 50.0
    [scores] = tmp_path.glob("runs/*/asqa/*/scores/*/scores.jsonl")
    assert next(line for line in lines_of(scores) if line["id"] == "q1") == {
        "id": "q1",
        "status": "error",
        "values": {},
        "error": "the prompt is too long",
        "sample_sha256": lines_of(scores)[1]["sample_sha256"],
    }
    # Once they have a text they are scored, beside the kept scores of the others.
    counting.fail = set()
    ran = run("--json")
    assert ran.json["statuses"] == {"ok": 5}
    assert ran.json["metrics"]["str_em"]["n"] == 5


def test_a_backend_that_breaks_down_keeps_what_it_had_done(tmp_path: Path, run: Cli, counting: type[Counting]):
    counting.break_at = "q2"
    ran = run()
    assert ran.code == 3
    assert "the engine ran out of memory" in ran.err
    assert texts(tmp_path) == {"q0": "ok", "q1": "ok"}
    counting.break_at, counting.generated = None, []
    assert run("--json").json["n"] == 5
    assert sorted(counting.generated) == ["q2", "q3", "q4"]


def test_a_task_whose_backend_fails_does_not_keep_the_others_from_being_scored(
    tmp_path: Path, cli: Cli, data: Path, counting: type[Counting]
):
    other = write(tmp_path / "other.json", [{**record, "id": f"other{n}"} for n, record in enumerate(records(3))])
    counting.break_at = "q2"
    flags = ("--data", f"asqa={data}", "--data", f"trust_asqa={other}", "--output-path", tmp_path / "runs")
    ran = cli(*RUN, "--tasks", "asqa,trust_asqa", *flags, "--json")
    assert ran.code != 0
    assert ran.json["task"] == "trust_asqa"
    assert "the engine ran out of memory" in ran.err
    counting.break_at = None
    assert [each["n"] for each in cli(*RUN, "--tasks", "asqa,trust_asqa", *flags, "--json").json] == [5, 3]


def test_a_task_of_which_no_sample_could_be_scored_does_not_keep_the_others_from_being_scored(
    tmp_path: Path, cli: Cli, data: Path, counting: type[Counting]
):
    other = write(tmp_path / "other.json", [{**record, "id": f"other{n}"} for n, record in enumerate(records(3))])
    flags = ("--data", f"asqa={data}", "--data", f"trust_asqa={other}", "--output-path", tmp_path / "runs", "--json")
    counting.fail = {f"q{n}" for n in range(5)}
    cli(*RUN, "--tasks", "asqa,trust_asqa", *flags)
    ran = cli(*RUN, "--tasks", "asqa,trust_asqa", *flags, "--phase", "score")
    assert ran.code == 1
    assert ran.json["task"] == "trust_asqa"
    assert "no sample could be scored" in ran.err


def of_two_models(cli: Cli, data: Path, tmp_path: Path, *flags: object) -> Any:
    what = ("run", "--backend", "counting", "--nli", "lexical", "--tasks", "asqa", "--data", data)
    return cli(*what, "--model", "one", "--model", "two", "--output-path", tmp_path / "runs", "--json", *flags)


@pytest.mark.parametrize("broken", ["one", "two"])
@pytest.mark.parametrize("error", [UsageError("the weights cannot be read"), FolderBusy("another run has it")])
def test_a_model_that_cannot_be_loaded_does_not_keep_the_others_from_being_scored(
    broken: str, error: Exception, cli: Cli, data: Path, tmp_path: Path, counting: type[Counting]
):
    counting.unloadable = {broken: error}
    ran = of_two_models(cli, data, tmp_path)
    assert ran.code == 1
    assert ran.json["model"] == ({"one", "two"} - {broken}).pop()
    assert ran.json["n"] == 5
    assert f"error: {broken}, {error}" in ran.err
    counting.unloadable = {}
    assert [each["n"] for each in of_two_models(cli, data, tmp_path).json] == [5, 5]


def test_the_only_model_of_a_run_that_cannot_be_loaded_gives_its_own_exit_code(run: Cli, counting: type[Counting]):
    counting.unloadable = {"org/m": UsageError("the weights cannot be read")}
    ran = run()
    assert (ran.code, ran.out) == (2, "")
    assert "the weights cannot be read" in ran.err


@pytest.mark.parametrize("error", [Interrupted("stopped on request"), DiskFull("no space left")])
def test_a_request_to_stop_and_a_full_disk_end_the_whole_run(
    error: Exception, cli: Cli, data: Path, tmp_path: Path, counting: type[Counting]
):
    counting.unloadable = {"one": error}
    ran = of_two_models(cli, data, tmp_path)
    assert (ran.code, ran.out) == (3, "")
    assert (counting.loaded, counting.generated) == (1, [])


def test_what_a_backend_can_check_is_checked_for_all_models_before_the_first_generates(
    cli: Cli, data: Path, tmp_path: Path, counting: type[Counting], monkeypatch: pytest.MonkeyPatch
):
    def check(self: Counting) -> None:
        if self.options.model == "two":
            raise UsageError("no model of this name is served")

    monkeypatch.setattr(counting, "check", check, raising=False)
    ran = of_two_models(cli, data, tmp_path)
    assert (ran.code, ran.out, counting.generated) == (2, "", [])
    assert "no model of this name is served" in ran.err
    monkeypatch.delattr(counting, "check")
    assert of_two_models(cli, data, tmp_path).code == 0
    # Nothing is left to generate: nobody needs the server.
    monkeypatch.setattr(counting, "check", check, raising=False)
    assert of_two_models(cli, data, tmp_path).code == 0
    assert of_two_models(cli, data, tmp_path, "--phase", "score").code == 0


def test_scoring_where_the_folder_has_another_name_says_how_to_score_the_one_that_is_there(
    cli: Cli, data: Path, tmp_path: Path, counting: type[Counting], monkeypatch: pytest.MonkeyPatch
):
    what = ("run", "--model", "one", "--backend", "counting", "--nli", "lexical", "--tasks", "asqa", "--data", data)
    assert cli(*what, "--output-path", tmp_path / "runs", "--phase", "generate").code == 0
    [folder] = (path.parent for path in tmp_path.glob("runs/one/asqa/*/generations.jsonl"))
    monkeypatch.setattr(counting, "identity", lambda self: {"backend": "counting", "dtype": "another"})
    ran = cli(*what, "--output-path", tmp_path / "runs", "--phase", "score")
    assert (ran.code, ran.out) == (1, "")
    assert "5 of 5 samples lack a generation" in ran.err
    assert f"groundeval score {folder}" in ran.err
    elsewhere = cli(*what, "--output-path", tmp_path / "empty", "--phase", "score")
    assert "groundeval score" not in elsewhere.err


class Failing(Lexical):
    """Cannot judge pairs whose hypothesis holds a word; fails for the sample, or as a whole."""

    def __init__(self, word: str, error: type[Exception]) -> None:
        super().__init__()
        self.word, self.error = word, error

    def judge(self, pair: Pair) -> Verdict:
        if self.word in pair.hypothesis:
            raise self.error("the pair does not fit into memory")
        return super().judge(pair)

    def score(self, pairs: Any) -> list[Verdict]:
        return [self.judge(pair) for pair in pairs]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(word: str, error: type[Exception]) -> None:
        service = groundeval.NLI(Failing(word, error))
        monkeypatch.setattr("groundeval.run.score.connect", lambda spec, **options: service)

    return use


def test_a_sample_that_the_verifier_cannot_judge_is_an_error_and_scored_when_it_can(
    data: Path, tmp_path: Path, cli: Cli, failing: Any
):
    keep = ("score", data, "--task", "asqa", "--nli", "lexical", "--output-path", tmp_path / "out", "--json")
    failing("City 3", SampleError)
    ran = cli(*keep)
    assert ran.code == 0
    assert ran.json["statuses"] == {"error": 1, "ok": 4}
    assert {metric["n"] for metric in ran.json["metrics"].values()} == {4}
    failing("nothing of the kind", SampleError)
    ran = cli(*keep)
    assert ran.json["statuses"] == {"ok": 5}
    assert ran.json["nli_pairs"]["asked"] <= 5, "only the failed sample is scored again"


class Threaded(Failing):
    """Judges in a thread of its own, as models do, once all pairs are there: the longest first, each by itself."""

    traits = replace(Lexical.traits, instant=False)
    budget = 10**9

    def cost(self, pair: Pair) -> int:
        return self.budget + len(pair.premise)

    @classmethod
    def service(cls, word: str) -> groundeval.NLI:
        return groundeval.NLI(cls(word, BackendError), options=BatchOptions(window=0.2, budget=cls.budget))


@pytest.fixture
def growing(tmp_path: Path) -> Path:
    """Samples of which each has longer documents than the one before, and is judged before it."""
    held = records(8)
    for number, each in enumerate(held):
        each["docs"] = [{**document, "text": document["text"] + " Indeed." * 20 * number} for document in each["docs"]]
    return write(tmp_path / "growing.json", held)


def test_samples_finished_in_another_order_give_the_same_bytes(
    growing: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
):
    def files(place: str) -> list[bytes]:
        ran = cli("score", growing, "--task", "asqa", "--nli", "lexical", "--output-path", tmp_path / place)
        assert ran.code == 0
        return [
            path.read_bytes() for name in ("scores.jsonl", "results.json") for path in _scores(tmp_path, place, name)
        ]

    written: list[str] = []
    append = Lines.append_lines

    def noted(self: Lines, lines: list[bytes]) -> None:
        written.extend(json.loads(line)["id"] for line in lines)
        append(self, lines)

    monkeypatch.setattr(Lines, "append_lines", noted)
    usual = files("usual")
    assert written == [f"q{n}" for n in range(8)]
    written.clear()
    monkeypatch.setattr("groundeval.run.score.connect", lambda spec, **options: Threaded.service("nothing of the kind"))
    assert files("threaded") == usual
    assert written == [f"q{n}" for n in reversed(range(8))]


def test_a_verifier_that_breaks_down_at_the_first_sample_keeps_those_that_were_finished_before_it(
    growing: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
):
    keep = ("score", growing, "--task", "asqa", "--nli", "lexical", "--output-path", tmp_path / "out", "--json")
    with monkeypatch.context() as patched:
        patched.setattr("groundeval.run.score.connect", lambda spec, **options: Threaded.service("City 0"))
        assert cli(*keep).code == 3
    [scores] = _scores(tmp_path, "out", "scores.jsonl")
    assert {line["id"] for line in lines_of(scores)} == {f"q{n}" for n in range(1, 8)}
    assert cli(*keep).json["statuses"] == {"ok": 8}
    assert [line["id"] for line in lines_of(scores)] == [f"q{n}" for n in range(8)]


def _scores(tmp_path: Path, place: str, name: str) -> list[Path]:
    return list(tmp_path.glob(f"{place}/scores/*/{name}"))


def test_a_verifier_that_breaks_down_keeps_the_scores_so_far_and_exits_with_3(
    data: Path, tmp_path: Path, cli: Cli, failing: Any
):
    keep = ("score", data, "--task", "asqa", "--nli", "lexical", "--output-path", tmp_path / "out", "--json")
    failing("City 3", BackendError)
    ran = cli(*keep)
    assert (ran.code, ran.out) == (3, "")
    assert "does not fit into memory" in ran.err
    [scores] = tmp_path.glob("out/scores/*/scores.jsonl")
    kept = [line["id"] for line in lines_of(scores)]
    assert kept == ["q0", "q1", "q2"]
    failing("nothing of the kind", BackendError)
    assert cli(*keep).json["statuses"] == {"ok": 5}
    assert [line["id"] for line in lines_of(scores)][: len(kept)] == kept
