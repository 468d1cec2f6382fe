"""The programs in `tools` start and say what they do; what they find is tested where the code is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[1] / "tools"
PROGRAMS = sorted(file.name for file in TOOLS.glob("*.py") if "ArgumentParser" in file.read_text("utf-8"))


@pytest.mark.slow
def test_every_program_says_how_it_is_used():
    assert "kill_workers.py" in PROGRAMS
    for program in PROGRAMS:
        asked = subprocess.run([sys.executable, TOOLS / program, "--help"], capture_output=True, text=True, check=False)
        assert asked.returncode == 0, asked.stderr
        assert "usage:" in asked.stdout
