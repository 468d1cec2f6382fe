"""Five hundred runs with a thousand samples each become a site in a minute, on two cores and in little memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from many_runs import copy_run, data_file, write_run

RUNS, SAMPLES, DIFFERENT, PROCESSES = 500, 1000, 25, 2


@pytest.mark.slow
def test_five_hundred_runs_build_in_minutes_into_little_memory_and_a_small_index(tmp_path: Path):
    data = data_file(tmp_path / "data.json", SAMPLES)
    for number in range(DIFFERENT):
        right = 0.3 + 0.4 * number / DIFFERENT
        folder = write_run(
            tmp_path / "runs", f"system-{number}", samples=SAMPLES, right=right, seed=number, data=data, prompts=True
        )
        for copy in range(1, RUNS // DIFFERENT):
            copy_run(folder, tmp_path / "runs", f"system-{number}-{copy}")
    site = tmp_path / "site"
    command = [sys.executable, "-m", "groundeval.cli", "leaderboard", "build", str(tmp_path / "runs")]
    command += ["--out", str(site), "--processes", str(PROCESSES)]
    started = time.monotonic()
    with open(tmp_path / "said", "w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
        # The usage of this command and its processes alone, whatever other tests have started.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        said.seek(0)
        output = said.read()
    # The largest of the processes, counted for all of them.
    gigabytes = (PROCESSES + 1) * usage.ru_maxrss / 1e6
    index = (site / "index.html").stat().st_size
    print(f"{seconds:.0f} s, {usage.ru_utime + usage.ru_stime:.0f} s of CPU, {gigabytes:.2f} GB, {index / 1e6:.2f} MB")
    assert status == 0, output
    assert f"{RUNS} runs" in output
    # A guard against a change for the worse on any machine; docs/leaderboard.md has the figures of a quiet one.
    assert seconds < 240
    assert gigabytes < 1.5
    assert index < 3_000_000
