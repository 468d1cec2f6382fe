"""Five hundred runs with a thousand samples each become a site in a minute, on two cores and in little memory."""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy as np
import pytest
from many_runs import copy_run, data_file, write_run
from usage_of import usage_of

RUNS, SAMPLES, DIFFERENT, PROCESSES = 500, 1000, 25, 2


class Built(NamedTuple):
    """Cost of one build of all runs."""

    seconds: float
    cpu_seconds: float
    gigabytes: float
    index: int


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    tmp_path = tmp_path_factory.mktemp("scale")
    data = data_file(tmp_path / "data.json", SAMPLES)
    for number in range(DIFFERENT):
        right = 0.3 + 0.4 * number / DIFFERENT
        folder = write_run(
            tmp_path / "runs", f"system-{number}", samples=SAMPLES, right=right, seed=number, data=data, prompts=True
        )
        for copy in range(1, RUNS // DIFFERENT):
            copy_run(folder, tmp_path / "runs", f"system-{number}-{copy}")
    site = tmp_path / "site"
    command = [sys.executable, "-m", "groundeval", "leaderboard", "build", str(tmp_path / "runs")]
    command += ["--out", str(site), "--processes", str(PROCESSES), "--data", str(data)]
    used = usage_of(command)
    # The largest of the processes, counted for all of them.
    gigabytes = (PROCESSES + 1) * used.gigabytes
    index = (site / "index.html").stat().st_size
    print(f"{used.seconds:.0f} s, {used.cpu_seconds:.0f} s of CPU, {gigabytes:.2f} GB, {index / 1e6:.2f} MB")
    assert used.status == 0, used.output
    assert f"{RUNS} runs" in used.output
    return Built(used.seconds, used.cpu_seconds, gigabytes, index)


@pytest.mark.slow
def test_five_hundred_runs_need_little_memory_and_give_a_small_index(built: Built):
    assert built.gigabytes < 1.5
    assert built.index < 3_000_000


@pytest.mark.slow
def test_five_hundred_runs_build_in_a_minute_of_two_cores(built: Built):
    assert built.cpu_seconds / PROCESSES < 60


def test_memory_is_measured_without_that_of_the_process_that_measures():
    held = np.ones(50_000_000)
    used = usage_of([sys.executable, "-c", "print('small')"])
    assert (used.status, used.output.split()) == (0, ["small"])
    assert used.gigabytes < held.nbytes / 4e9
