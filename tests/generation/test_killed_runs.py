"""Runs of a real model that are killed at random moments; `tools/kill_runs.py` does the same as often as one likes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_models import CHATML

KILLS = os.environ.get("GROUNDEVAL_KILLS", "3")
TOOL = Path(__file__).parents[2] / "tools" / "kill_runs.py"


@pytest.mark.slow
def test_a_run_of_transformers_killed_at_random_moments_ends_with_the_same_bytes(tiny: Callable[..., Path]) -> None:
    run = f"run --model {tiny(CHATML, positions=65536)} --backend hf --dtype float32 --batch-size 2"
    what = "--tasks trust_asqa --data embedded --limit 8 --nli lexical --gen-kwargs max_new_tokens=16"
    done = subprocess.run(
        [sys.executable, str(TOOL), "--kills", KILLS, "--", *run.split(), *what.split()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "what was written stayed, no file is left over, all results are alike" in done.stdout
