"""The servers as processes under load, and killed while clients wait: `tools/load_servers.py` for some seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "load_servers.py"


def run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, TOOL, *arguments], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("server", ["nli", "rewards"])
def test_silent_connections_and_working_clients_fail_no_request(server: str):
    # The time for a health check is left to the tool's own default: here others may use the processor.
    assert "1500 idle connections" in run("--server", server, "--seconds", "10", "--health-seconds", "10")


@pytest.mark.slow
@pytest.mark.parametrize("server", ["nli", "rewards"])
def test_answers_are_the_same_after_kills_while_clients_wait(server: str):
    assert "3 kills" in run("--server", server, "--kills", "3", "--clients", "20")
