"""Runs that are killed, stopped, or started twice: nothing is lost, nothing stored is generated again."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from run_cases import Cli, lines_of, records, write
from slow_child import Slowness, start, wait_for

from groundeval.storage.folder import Lines

COUNT = 12
KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Replayed:
    """A run of recorded outputs into a folder of its own."""

    place: Path
    log: Path
    arguments: tuple[object, ...]

    @classmethod
    def into(cls, place: Path, *flags: object) -> Replayed:
        place.mkdir(exist_ok=True)
        data = write(place / "data.json", records(COUNT))
        outputs = write(place / "m.json", [{"id": f"q{n}", "output": f"City {n} is old [2]."} for n in range(COUNT)])
        what = ("run", "--model", outputs, "--backend", "replay", "--tasks", "asqa", "--nli", "lexical")
        return cls(place, place / "log", (*what, "--data", data, "--output-path", place / "runs", *flags))

    def killed_or_done(self, seconds: float, slowness: Slowness) -> int | None:
        """Start the command, kill it after some time, and give its exit code."""
        process = start(self.arguments, self.log, slowness)
        process.join(seconds)
        process.kill()
        process.join()
        return process.exitcode

    @property
    def folder(self) -> Path:
        [folder] = self.place.glob("runs/*/asqa/*")
        return folder

    def stored(self) -> set[str]:
        return {record["id"] for path in self.place.glob("runs/*/asqa/*/gen*.jsonl") for record in Lines(path).read()}

    def generated(self) -> list[str]:
        return self.log.read_text().split() if self.log.exists() else []

    def results(self) -> bytes:
        [path] = self.folder.glob("scores/*/results.json")
        return path.read_bytes()

    def assert_whole(self, undisturbed: bytes) -> None:
        assert self.results() == undisturbed
        ids = [f"q{n}" for n in range(COUNT)]
        assert sorted(line["id"] for line in lines_of(self.folder / "generations.jsonl")) == sorted(ids)
        [scores] = self.folder.glob("scores/*/scores.jsonl")
        assert sorted(line["id"] for line in lines_of(scores)) == sorted(ids)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    run = Replayed.into(tmp_path_factory.mktemp("undisturbed"))
    process = start(run.arguments, run.log, Slowness())
    process.join()
    assert process.exitcode == 0
    assert run.generated() == [f"q{n}" for n in range(COUNT)]
    return run.results()


def test_a_run_killed_at_random_moments_ends_with_the_same_bytes_and_generates_nothing_stored_again(
    tmp_path: Path, undisturbed: bytes
):
    run = Replayed.into(tmp_path)
    moments = random.Random(11)
    kills = 0
    for _ in range(10):
        before, stored = len(run.generated()), run.stored()
        code = run.killed_or_done(moments.uniform(0.1, 0.5), Slowness(window=0.08, pair=0.005))
        assert not set(run.generated()[before:]) & stored
        assert code in (0, KILLED)
        kills += code == KILLED
    assert kills >= 2, "the moments were too late to hit anything"
    assert run.killed_or_done(60, Slowness()) == 0
    run.assert_whole(undisturbed)
    # Only what a kill took between generating and writing was generated again: at most one window each time.
    assert sum(Counter(run.generated()).values()) <= COUNT + 2 * kills


@pytest.mark.parametrize(
    ("where", "stored"),
    [
        (Slowness(die_in_write=1), 0),
        (Slowness(die_in_write=4), 6),
        (Slowness(die_in_write=7), COUNT),  # in the scores, all texts being there
        (Slowness(die_before_rename=1), 0),  # before anything is there but a temporary file
        (Slowness(die_before_rename=2), 0),
        (Slowness(die_before_rename=3), COUNT),
        (Slowness(die_before_rename=5), COUNT),  # before results.json gets its name
    ],
)
def test_a_run_killed_in_the_middle_of_a_write_loses_that_write_only(
    where: Slowness, stored: int, tmp_path: Path, undisturbed: bytes
):
    run = Replayed.into(tmp_path)
    assert run.killed_or_done(60, where) == KILLED
    assert run.stored() == {f"q{n}" for n in range(stored)}
    generated = len(run.generated())
    assert run.killed_or_done(60, Slowness()) == 0
    assert run.generated()[generated:] == [f"q{n}" for n in range(stored, COUNT)]
    run.assert_whole(undisturbed)


def test_a_stop_request_while_generating_ends_with_exit_code_3_after_the_window_and_resumes(
    tmp_path: Path, undisturbed: bytes
):
    run = Replayed.into(tmp_path)
    process = start(run.arguments, run.log, Slowness(window=0.1))
    wait_for(run.generated)
    process.terminate()
    process.join()
    assert process.exitcode == 3
    assert 0 < len(run.stored()) < COUNT
    assert run.stored() == set(run.generated()), "what was begun was written"
    assert run.killed_or_done(60, Slowness()) == 0
    assert sorted(run.generated()) == sorted(f"q{n}" for n in range(COUNT))
    run.assert_whole(undisturbed)
    sessions = json.loads((run.folder / "manifest.json").read_text())["sessions"]
    assert len(sessions) == 2
    assert sum(session["samples"] for session in sessions) == COUNT, "what was stopped is counted too"


def test_a_second_stop_request_keeps_what_is_complete_of_the_window_and_stops_at_once(
    tmp_path: Path, undisturbed: bytes
):
    run = Replayed.into(tmp_path)
    process = start(run.arguments, run.log, Slowness(sample=30))
    wait_for(run.generated)
    time.sleep(0.1)
    process.terminate()
    time.sleep(0.1)
    process.terminate()
    process.join(10)
    assert process.exitcode == 3, "it did not wait for the rest of the window"
    assert run.stored() == {"q0"}
    assert run.killed_or_done(60, Slowness()) == 0
    assert run.generated() == [f"q{n}" for n in range(COUNT)], "what was complete is not generated again"
    run.assert_whole(undisturbed)


def test_a_stop_request_while_scoring_keeps_the_scores_so_far(tmp_path: Path, undisturbed: bytes):
    run = Replayed.into(tmp_path)
    process = start(run.arguments, run.log, Slowness(pair=0.05))
    wait_for(lambda: len(run.generated()) == COUNT and list(run.place.glob("runs/*/asqa/*/scores/*/manifest.json")))
    time.sleep(0.2)
    process.terminate()
    process.join()
    assert process.exitcode == 3
    [scores] = run.folder.glob("scores/*/scores.jsonl")
    assert 0 < len(lines_of(scores)) < COUNT
    assert not list(run.folder.glob("scores/*/results.json"))
    assert run.killed_or_done(60, Slowness()) == 0
    run.assert_whole(undisturbed)


def test_a_stop_request_is_heard_while_a_slow_verifier_has_not_answered_anything(tmp_path: Path, undisturbed: bytes):
    run = Replayed.into(tmp_path)
    process = start(run.arguments, run.log, Slowness(pair=2.0, threaded=True))
    wait_for(lambda: len(run.generated()) == COUNT and list(run.place.glob("runs/*/asqa/*/scores/*/manifest.json")))
    time.sleep(0.2)
    process.terminate()
    process.join(10)
    assert process.exitcode == 3, "it did not wait for the verifier"
    assert run.killed_or_done(60, Slowness(threaded=True)) == 0
    run.assert_whole(undisturbed)


@pytest.mark.parametrize("second", [(), ("--phase", "generate", "--shard", "1/2")])
def test_a_second_run_into_the_same_folder_at_once_is_refused_and_names_the_first(
    second: tuple[str, ...], tmp_path: Path, undisturbed: bytes, cli: Cli
):
    run = Replayed.into(tmp_path)
    process = start(run.arguments, run.log, Slowness(hold=str(tmp_path / "go")))
    wait_for(run.generated)
    ran = cli(*run.arguments, *second)
    assert process.is_alive()
    (tmp_path / "go").touch()
    assert (ran.code, ran.out) == (1, "")
    assert f"process {process.pid})" in ran.err
    process.join()
    assert process.exitcode == 0
    run.assert_whole(undisturbed)


def test_shards_at_once_generate_every_sample_once_and_give_the_same_bytes(tmp_path: Path, undisturbed: bytes):
    run = Replayed.into(tmp_path)
    shards = [Replayed.into(tmp_path, "--phase", "generate", "--shard", f"{part}/3") for part in (1, 2, 3)]
    processes = [start(shard.arguments, run.log, Slowness(window=0.02)) for shard in shards]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert sorted(run.generated()) == sorted(f"q{n}" for n in range(COUNT))
    assert run.killed_or_done(60, Slowness()) == 0
    assert len(run.generated()) == COUNT
    assert run.results() == undisturbed
    prompts = [line["id"] for path in run.folder.glob("prompts*.jsonl") for line in lines_of(path)]
    assert sorted(prompts) == sorted(run.generated())
