"""The servers as processes under load, and killed while clients wait: `tools/load_servers.py` for some seconds."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
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


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit of open files")
def test_more_silent_connections_than_files_may_be_open_stop_nothing_and_fill_no_log(tmp_path: Path):
    serve = f"{sys.executable} -m groundeval serve-nli --model lexical --port 0"
    limited = f"ulimit -Sn 512; ulimit -Hn 512; exec {serve}"
    log = tmp_path / "log"
    with log.open("wb") as said:
        server = subprocess.Popen(["bash", "-c", limited], stderr=said)
    silent = []
    try:
        address = None
        for _ in range(600):
            if address := re.search(r"on (http://127.0.0.1:(\d+))", log.read_text()):
                break
            time.sleep(0.1)
        assert address is not None
        silent = [socket.create_connection(("127.0.0.1", int(address[2])), timeout=20) for _ in range(700)]
        for _ in range(5):
            assert httpx.get(f"{address[1]}/health", timeout=20).status_code == 200
            assert httpx.post(f"{address[1]}/verdicts", json={"pairs": [["a", "a"]]}, timeout=20).status_code == 200
        server.terminate()
        assert server.wait(30) == 0
        assert log.stat().st_size < 1_000
    finally:
        server.kill()
        server.wait()
        for each in silent:
            each.close()
