"""One run more on a leaderboard costs what the one before it cost, in time, memory and bytes of the index."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from many_runs import copy_run, data_file, write_run
from usage_of import usage_of

FEW, SOME, MANY = 20, 60, 120
SAMPLES, DIFFERENT, PROCESSES = 1000, 10, 2


class Built(NamedTuple):
    """Cost of one build."""

    cpu_seconds: float
    gigabytes: float
    index: int


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Built]:
    tmp_path = tmp_path_factory.mktemp("scale")
    data = data_file(tmp_path / "data.json", SAMPLES)
    return {runs: built_from(tmp_path / f"{runs}", data, runs) for runs in (FEW, SOME, MANY)}


def built_from(root: Path, data: Path, runs: int) -> Built:
    for number in range(DIFFERENT):
        right = 0.3 + 0.4 * number / DIFFERENT
        folder = write_run(
            root / "runs", f"system-{number}", samples=SAMPLES, right=right, seed=number, data=data, prompts=True
        )
        for copy in range(1, runs // DIFFERENT):
            copy_run(folder, root / "runs", f"system-{number}-{copy}")
    site = root / "site"
    command = [sys.executable, "-m", "groundeval", "leaderboard", "build", str(root / "runs")]
    command += ["--out", str(site), "--processes", str(PROCESSES), "--data", str(data)]
    used = usage_of(command)
    index = (site / "index.html").stat().st_size
    assert used.status == 0, used.output
    assert f"{runs} runs" in used.output
    return Built(used.cpu_seconds, used.gigabytes, index)


def one_more(built: dict[int, Built], what: str, few: int, many: int) -> float:
    """Cost of one run more, between two numbers of runs: what is started once does not count."""
    return (getattr(built[many], what) - getattr(built[few], what)) / (many - few)


@pytest.mark.slow
def test_a_run_more_costs_the_same_time_however_many_there_are(built: dict[int, Built]):
    # If costs grew with the square of the runs, it would be 2.25 times as much.
    assert one_more(built, "cpu_seconds", SOME, MANY) < 1.6 * one_more(built, "cpu_seconds", FEW, SOME)


@pytest.mark.slow
def test_five_hundred_runs_would_need_little_memory_and_give_a_small_index(built: dict[int, Built]):
    memory, index = (
        getattr(built[MANY], what) + (500 - MANY) * one_more(built, what, SOME, MANY) for what in ("gigabytes", "index")
    )
    # The largest of the processes, counted for all of them.
    assert (PROCESSES + 1) * memory < 1.5
    assert index < 3_000_000


def test_memory_is_measured_without_that_of_the_process_that_measures():
    held = np.ones(50_000_000)
    used = usage_of([sys.executable, "-c", "print('small')"])
    assert (used.status, used.output.split()) == (0, ["small"])
    assert used.gigabytes < held.nbytes / 4e9
