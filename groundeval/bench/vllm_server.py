"""Running vLLM's own OpenAI-compatible server on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from groundeval.errors import BackendError

STARTING = 600.0
"""Longest time for the server to start, in seconds."""


@contextmanager
def vllm_server(
    folder: Path | str, name: str, *, dtype: str = "float32", max_model_len: int | None = None
) -> Iterator[str]:
    """Serve a model under a name; yields the address for `base_url`. Raises BackendError if the server does not start.

    It is started as a module, since the command `vllm` is broken in CPU builds.
    """
    port = _free_port()
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder)]
    command += ["--served-model-name", name, "--host", "127.0.0.1", "--port", str(port), "--dtype", dtype]
    command += ["--enforce-eager", "--generation-config", "vllm"]
    if max_model_len is not None:
        command += ["--max-model-len", str(max_model_len)]
    environment = {"VLLM_CPU_KVCACHE_SPACE": "1", **os.environ}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            _wait_until_healthy(f"http://127.0.0.1:{port}/health", process)
            yield f"http://127.0.0.1:{port}/v1"
        except TimeoutError as error:
            log.seek(0)
            said = log.read().decode(errors="replace")[-3000:]
            raise BackendError(f"vLLM's server {error}. The end of its output:\n{said}") from None
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTING
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise TimeoutError(f"ended with exit code {process.returncode} while starting")
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise TimeoutError(f"was not up after {STARTING:g} s")
